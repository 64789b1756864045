/**
 * Turns a compiled plan into everything one can say of it, and that into text:
 *
 * <pre>
 * Compilation.Compiled ─┐   simulation, a run's metrics
 *                       ├─▶ Explanation ─▶ HumanReport · JsonReport · HtmlReport
 * a bare .stowplan ─────┘        └───────▶ Comparison (of two) ─▶ text · JSON
 * </pre>
 *
 * Renderers compute nothing: every number they show is in the {@link
 * dev.stowage.compiler.explain.Explanation}. What only compiling knows (busy resources, prices,
 * batch shapes that were looked at) is absent where only the plan is at hand.
 */
package dev.stowage.compiler.explain;
