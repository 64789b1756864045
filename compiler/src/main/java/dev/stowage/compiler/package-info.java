/**
 * From the text of a plan to what a machine executes, as a visible list of passes: {@link
 * dev.stowage.compiler.Compiler} reads {@code parse → resolve → place → lower → schedule}, each a
 * function from one immutable value to the next.
 */
package dev.stowage.compiler;
