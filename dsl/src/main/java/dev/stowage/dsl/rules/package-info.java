/**
 * The rules of the language: turns the tree of a file into {@link dev.stowage.dsl.Diagnostic}s, one
 * class a rule, named after what it asks.
 *
 * <p>{@link dev.stowage.dsl.Checker} walks a file once, as a {@link
 * dev.stowage.dsl.rules.ScriptTree}, and holds each object against the list of {@link
 * dev.stowage.dsl.rules.Rules}. The words of every diagnostic are in {@link
 * dev.stowage.dsl.Messages}. What is no rule over a tree stays with the checker: syntax, a missing
 * header, and the errors of imported files.
 */
package dev.stowage.dsl.rules;
