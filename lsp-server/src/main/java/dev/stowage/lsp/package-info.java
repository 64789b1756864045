/**
 * The language server: turns an editor's requests on standard input into answers on standard
 * output.
 *
 * <p>What it knows of the language is in {@code dev.stowage.dsl.ide}, which Xtext's language server
 * calls; here is what makes a process of it ({@link dev.stowage.lsp.Main}), what Xtext leaves open
 * ({@link dev.stowage.lsp.PlanServer}), and what only the compiler can tell ({@link
 * dev.stowage.lsp.CompilerDiagnostics}, {@link dev.stowage.lsp.SelectorSizes}).
 */
package dev.stowage.lsp;
