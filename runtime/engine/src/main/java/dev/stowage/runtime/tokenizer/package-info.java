/**
 * Turns text into token ids and back, as Hugging Face's tokenizers do: {@code tokenizer.json} with
 * a byte-pair model (byte-level as in GPT-2, OPT, Llama 3 and Qwen, or SentencePiece-like as in
 * Llama 2 and Mistral), or the older pair {@code vocab.json} and {@code merges.txt}.
 *
 * <p>Text runs through five stages: added tokens are cut out, the rest is normalized, cut into
 * pieces by the pre-tokenizer, each piece merged to tokens by the model, and framed by the
 * post-processor. Ids become text through the decoder. A component that is not implemented is an
 * error that names it.
 *
 * <p>Sources: github.com/huggingface/tokenizers, whose behaviour each stage follows; Sennrich et
 * al., "Neural Machine Translation of Rare Words with Subword Units" (2016), for byte-pair
 * encoding.
 */
package dev.stowage.runtime.tokenizer;
