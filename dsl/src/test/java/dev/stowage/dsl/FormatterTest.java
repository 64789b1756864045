package dev.stowage.dsl;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FormatterTest {

  private static String format(String text) {
    return StowParser.format(text)
        .orElseThrow(
            () -> new AssertionError(StowParser.parse(text, Path.of("text.stow")).diagnostics()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"quickstart", "opt30b-t4", "opt175b-t4", "opt13b-csd"})
  void theAcceptancePlansAreLaidOutAlready(String name) throws IOException {
    String text = Files.readString(PlansTest.plan(name));

    assertEquals(text, format(text));
  }

  @ParameterizedTest
  @ValueSource(strings = {"quickstart", "opt30b-t4", "opt175b-t4", "opt13b-csd"})
  void aPlanWithoutIndentationGetsItBack(String name) throws IOException {
    String text = Files.readString(PlansTest.plan(name));

    assertEquals(text, format(text.replaceAll("(?m)^ +", "")));
  }

  @Test
  void blanksComeWhereTheyAreDueAndGoWhereASignBinds() {
    assertEquals(
        """
        plan p
        platform x {
          gpu g { memory 15 GiB  reserve 10% }
          link g <-> r
        }
        place { weights of layers[0..3].mlp, head on g >= 20%, r rest }
        maximize throughput subject to { latency(block) <= 3 s }
        """,
        format(
            """
            plan p platform x {
                gpu g {memory 15GiB reserve 10 %}
            link g<->r
            }
            place {weights of layers [ 0 .. 3 ] . mlp ,head on g>=20%,r rest}
            maximize throughput subject to {latency (block)<=3 s}
            """));
  }

  @Test
  void commentsStayWhereTheyAre() {
    String text =
        """
        /// What it is.
        plan p // and why

        /* one
           two */
        platform x {
          // first
          gpu g { memory 15 GiB } // card
        }
        """;

    assertEquals(text, format(text));
    assertEquals(text, format(text.replace("  // first", "// first").replace("\n\n", "\n\n\n\n")));
  }

  @Test
  void aTextWithSyntaxErrorsIsLeftAlone() {
    assertEquals(Optional.empty(), StowParser.format("plan p place { weights on }"));
  }
}
