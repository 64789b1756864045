/**
 * Turns the pieces of text that a session's tokens yield into what a user may see: all of it, as
 * early as possible, and nothing from a stop string on.
 */
package dev.stowage.runtime.text;
