/**
 * Turns plans and schedules into lines of text and back, exactly: parsing what was printed yields
 * an equal value, and printing what was parsed yields the same characters. One statement a line,
 * keyword first, blocks closed by {@code end}. Baselines, {@code explain} and bug reports show this
 * text; a {@code .stowplan} file is this text with a version line before it and a digest after it.
 *
 * <pre>
 * batch sequences 4 micro-batches 2 prompt 64 generate 32 prefill-chunk 64
 * weights
 *   mlp.up layers 0..12 rows 0..512 on host
 * end
 * section layers layers 0..12
 *   load mlp.up rows 512..768 from ssd into ring
 *   matmul mlp.up rows 512..768 at host reads normed writes up
 * end
 * </pre>
 *
 * Text is untrusted: whatever does not parse is a {@link dev.stowage.plan.text.PlanFormatException}
 * that names the line, what was found there and what was expected.
 */
package dev.stowage.plan.text;
