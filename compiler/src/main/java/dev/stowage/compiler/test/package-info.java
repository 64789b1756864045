/**
 * Runs the tests of a plan: of a file it makes one {@link dev.stowage.compiler.test.TestResult} for
 * the plan itself, for each of its variants, and for each {@code test} block.
 */
package dev.stowage.compiler.test;
