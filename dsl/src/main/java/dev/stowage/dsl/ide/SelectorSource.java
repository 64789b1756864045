package dev.stowage.dsl.ide;

import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.Selector;
import java.nio.file.Path;
import java.util.Optional;

/** Knows what selectors select of a plan's model. Found by {@code ServiceLoader}. */
public interface SelectorSource {
  /**
   * What a selector selects, in a few words: {@code 24 matrices, 1.2 GiB}.
   *
   * @param script the plan that it stands in
   * @param file where the plan lies, or would lie when it is not saved yet
   */
  Optional<String> describe(Selector selector, Script script, Path file);
}
