package dev.stowage.maven;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** JSON as the command line writes it, and as ledgers keep it. */
class JsonTest {
  @Test
  void readsEveryKindOfValue() {
    assertEquals(
        Map.of("a", Arrays.asList(1.5, -2e3, true, false, null), "b", Map.of(), "c", "é\n\"\\/"),
        Json.read(
            " {\"a\": [1.5, -2e3, true,false , null],\"b\":{ }, \"c\":\"\\u00e9\\n\\\"\\\\\\/\"} "));
  }

  @Test
  void readsWhatItWrites() {
    var value = Map.of("with \"quotes\"", List.of("tab\t", "line\n", "\u0000", "\\", "€", ""));
    assertEquals(value, Json.read(Json.write(value)));
    assertEquals("{}", Json.write(Map.of()));
    assertEquals("[]", Json.write(List.of()));
  }

  @Test
  void refusesWhatIsNotJson() {
    var wrong =
        new ArrayList<>(
            List.of("", "{", "[", "[1,", "\"", "\"\\", "\"\\u12", "{\"a\"}", "{a:1}", "[1 2]"));
    wrong.addAll(List.of("1 2", "nul", "--1", "\"\\uzzzz\"", "[".repeat(100_000)));
    for (var text : wrong) {
      assertThrows(IllegalArgumentException.class, () -> Json.read(text), text);
    }
  }
}
