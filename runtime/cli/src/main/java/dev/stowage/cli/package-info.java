/**
 * Turns a command line into plans, tokens and numbers: one class a command. Standard output carries
 * the result and nothing else; everything for people's eyes goes to standard error.
 *
 * <p>A {@code .stow} file goes through the compiler ({@code PlanCompiler}); a {@code .stowplan} is
 * read and run without a class of the compiler, the language or the optimizer being loaded. So only
 * {@code PlanCompiler} and {@code DiagnosticPrinter} mention their types.
 */
package dev.stowage.cli;
