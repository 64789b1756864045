/**
 * What only an editor needs of the language: turns a cursor position into proposals, texts and
 * edits.
 */
package dev.stowage.dsl.ide;
