/**
 * What a model's files say about it, without its numbers: turns a Hugging Face folder ({@code
 * config.json} and the headers of its safetensors files) into a {@link
 * dev.stowage.plan.ModelShape}, the place of every tensor, and a fingerprint; the header of a GGUF
 * file likewise; or a name into a public shape.
 *
 * <p>Files are untrusted. Whatever is wrong with one (truncated, hostile, of another model) ends in
 * a {@link dev.stowage.plan.model.ModelFormatException} whose one line is ready for the user.
 * Reading the numbers themselves is the engine's.
 *
 * <p>Sources: the safetensors format; ggml's {@code docs/gguf.md} and the tensor names of its
 * converters; the configuration classes of Hugging Face transformers ({@code OPTConfig}, {@code
 * LlamaConfig}, {@code MistralConfig}, {@code Qwen2Config}, {@code Qwen3Config}), whose defaults
 * hold where a key is absent.
 */
package dev.stowage.plan.model;
