package dev.stowage.lsp;

import dev.stowage.compiler.resolve.SelectorSize;
import dev.stowage.dsl.ide.SelectorSource;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.Selector;
import java.nio.file.Path;
import java.util.Optional;

/** How many matrices a selector selects of the plan's model, and how many bytes. */
public final class SelectorSizes implements SelectorSource {

  @Override
  public Optional<String> describe(Selector selector, Script script, Path file) {
    return SelectorSize.of(selector, script, file).map(SelectorSize::words);
  }
}
