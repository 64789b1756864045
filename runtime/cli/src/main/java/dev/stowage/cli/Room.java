package dev.stowage.cli;

import dev.stowage.plan.BatchShape;

/**
 * What a plan has to hold to run what is asked.
 *
 * @param requests how many sequences
 * @param promptTokens of the longest prompt
 * @param positions of the longest sequence with what it generates; the last token is never fed back
 */
record Room(int requests, int promptTokens, int positions) {
  boolean isIn(BatchShape batch) {
    return positions <= batch.tokens();
  }

  /** The prompt length that makes a plan of that many generated tokens large enough. */
  int promptTokensBeside(int generateTokens) {
    return Math.max(promptTokens, positions - Math.max(0, generateTokens - 1));
  }
}
