/**
 * Turns a problem and one batch shape into a linear program: {@link
 * dev.stowage.optimizer.formulate.Columns} says what is decided, one class says each family of
 * rows.
 */
package dev.stowage.optimizer.formulate;
