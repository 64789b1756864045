package com.example.verses;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import org.junit.jupiter.api.Test;

class VersesTest {
  /** The same folder that the plan names. */
  private static final Path MODEL = Path.of("src/main/stowage", "../../../../models/tiny-opt");

  @Test
  void continuesATextPieceByPiece() {
    var pieces = new ArrayList<String>();
    var text = Verses.continueText(MODEL, "In the beginning", pieces::add);
    assertTrue(text.startsWith(" of the king"), text);
    assertEquals(text, String.join("", pieces));
  }
}
