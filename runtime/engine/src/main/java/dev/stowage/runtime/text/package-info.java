/**
 * Turns text into a model's token ids ({@code Words}), and the tokens that a session makes into the
 * text that a user may see ({@code Continuation}): all of it, as early as possible, and nothing
 * from a stop string on.
 */
package dev.stowage.runtime.text;
