/**
 * Turns a project's configuration into commands for the {@code stowage} command line, and what that
 * finds into messages of the build.
 *
 * <p>The compiler is never loaded here. What changed since the last build (by digest: {@link
 * dev.stowage.maven.Ledger}) becomes one list of commands, carried out by one JDK 25 ({@link
 * dev.stowage.maven.Jdk}) that is given the command line's jars ({@link
 * dev.stowage.maven.CommandLine}); where nothing changed, no process is started.
 */
package dev.stowage.maven;
