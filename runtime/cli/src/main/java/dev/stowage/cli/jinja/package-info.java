/**
 * Turns a template in the part of Jinja that chat templates are written in, and values, into text.
 *
 * <p>{@code Lexer} cuts a template into texts and tags, {@code Parser} makes nodes and expressions
 * of them, which {@link dev.stowage.cli.jinja.Template} renders. Blocks are trimmed as model
 * libraries do (Jinja's {@code trim_blocks} and {@code lstrip_blocks}). Templates come with models
 * and are not trusted: text, steps and depth are bounded, and nothing of Java can be reached.
 *
 * <p>There are {@code if}, {@code for} and {@code set}; literals, lists and dictionaries;
 * operators, slices, conditional expressions; the filters and tests that {@code Filters} and {@code
 * Tests} name, and some methods of texts and dictionaries. There are no macros, includes or
 * inheritance.
 */
package dev.stowage.cli.jinja;
