package dev.stowage.dsl.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class RulesTest {
  private static final String PACKAGE = "java/dev/stowage/dsl/rules/";

  @Test
  void everyRuleIsListedOnceAndHasATestOfItsName() throws IOException {
    List<String> listed = Rules.ALL.stream().map(rule -> rule.getClass().getSimpleName()).toList();
    var written = new TreeSet<String>();
    try (var files = Files.list(Path.of("src/main", PACKAGE))) {
      for (Path file : files.toList()) {
        if (Files.readString(file).contains(" implements Rule {")) {
          written.add(file.getFileName().toString().replace(".java", ""));
        }
      }
    }
    assertEquals(List.copyOf(written), listed.stream().sorted().toList());
    assertEquals(
        List.of(),
        listed.stream()
            .filter(name -> !Files.exists(Path.of("src/test", PACKAGE, name + "Test.java")))
            .toList());
  }
}
