/**
 * Turns this machine into a platform that plans can be made for: short runs of the engine's own
 * kernels, file reads and stores, and of whole small models, become rates and curves, and those a
 * {@code .stow} file.
 *
 * <pre>
 * Piece ─Rounds─▶ median seconds ─▶ rates and curves ─Fit─▶ what a pass costs beside them ─HostFile─▶ host.stow
 * </pre>
 *
 * Everything is timed in interleaved rounds, so that a slow moment of the machine spoils a little
 * of everything and not all of one thing; what was timed while reference products ran at another
 * speed than usual is left out and timed again, and so is what cannot be right.
 */
package dev.stowage.calibrate;
