package dev.stowage.dsl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class CodesTest {
  private static final Path FOLDER = Path.of("src/main/resources/dev/stowage/dsl/codes");
  private static final List<String> SECTIONS =
      List.of(
          "## What it means",
          "## Why it matters",
          "## An example that raises it",
          "## The same, mended",
          "## Suppressing it");

  @Test
  void everyPageIsListedAndHasTheFixedSections() throws IOException {
    try (var files = Files.list(FOLDER)) {
      assertEquals(
          Codes.all(),
          files
              .map(file -> file.getFileName().toString())
              .filter(name -> name.endsWith(".md"))
              .map(name -> name.substring(0, name.length() - 3))
              .sorted()
              .toList());
    }
    for (String code : Codes.all()) {
      Codes.Page page = Codes.page(code).orElseThrow();
      assertTrue(page.text().startsWith("# " + code + " " + page.title() + "\n"), code);
      assertEquals(
          SECTIONS, page.text().lines().filter(line -> line.startsWith("## ")).toList(), code);
      assertTrue(page.text().lines().noneMatch(line -> line.contains("TODO")), code);
    }
  }

  @Test
  void anUnknownCodeHasNoPage() {
    assertEquals(Optional.empty(), Codes.page("SW999"));
    assertEquals(Optional.empty(), Codes.page("../../x"));
  }

  @Test
  void theExamplesAreLaidOutWhereTheyCanBeRead() {
    for (String code : Codes.all()) {
      Codes.Page page = Codes.page(code).orElseThrow();
      page.good().ifPresent(text -> assertEquals(text, StowParser.format(text).orElse(""), code));
      page.bad()
          .flatMap(text -> StowParser.format(text).map(laidOut -> List.of(text, laidOut)))
          .ifPresent(both -> assertEquals(both.getFirst(), both.getLast(), code));
    }
  }
}
