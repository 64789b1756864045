/**
 * The Stowage language: turns the text of a {@code .stow} file into an EMF tree with diagnostics.
 *
 * <p>Start at {@link dev.stowage.dsl.StowParser}: {@code StowParser.parse(path)} returns a {@link
 * dev.stowage.dsl.Parsed}, which holds the root {@link dev.stowage.dsl.script.Script} and every
 * {@link dev.stowage.dsl.Diagnostic}: syntax ({@code SW0xx}) and names, types and units ({@code
 * SW1xx}). A tree without errors is fully linked: no cross reference of it is a proxy.
 *
 * <pre>{@code
 * Parsed parsed = StowParser.parse(Path.of("plan.stow"));
 * if (parsed.hasErrors()) { ... parsed.diagnostics() ... }
 * for (Statement statement : parsed.root().getStatements()) {
 *   if (statement instanceof Platform platform) { ... }
 * }
 * SourceSpan where = Spans.of(device);                                        // for your own diagnostics
 * SourceSpan amount = Spans.of(share, ScriptPackage.Literals.SHARE__AMOUNT);  // of one part only
 * }</pre>
 *
 * <p>The tree's classes are generated from {@code src/main/xtext/dev/stowage/dsl/Stow.xtext} into
 * package {@code dev.stowage.dsl.script}; one grammar rule is one class of the same name, and the
 * grammar is their documentation. Values are {@code ValueSet}s: {@code Quantity}, {@code ParamRef},
 * {@code Range}, {@code Comparison}, {@code Auto} or {@code Rest}; {@link dev.stowage.dsl.Unit}
 * knows the units.
 *
 * <p>This package and {@code dev.stowage.dsl.script} load no editor class; {@code
 * dev.stowage.dsl.ide} is for the language server only.
 */
package dev.stowage.dsl;
