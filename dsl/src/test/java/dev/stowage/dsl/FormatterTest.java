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
  void aConstraintWithoutBracesFollowsItsWordsByOneBlank() {
    assertEquals(
        "plan p\nmaximize throughput subject to latency(block) <= 3 s\n",
        format("plan p\nmaximize throughput subject to   latency(block) <= 3 s"));
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

  @Test
  void raggedColumnsAreLinedUp() {
    assertEquals(
        """
        library l

        param batchSize : count = 3
        param wait      : time  = 60 min

        platform x {
          gpu  t4      = nvidia.T4    { memory 15 GiB  reserve 1 GiB }
          host theHost = generic.DDR4 { memory 200 GiB  reserve 10% } // mine
          link t4 <-> theHost         { rate 12 GB/s }                // ours
        }
        device gpu G {
          memory 3 GiB                     spec // data sheet
          memory-bandwidth 300 GB/s        measured
          matmul-prefill(fp16) 3.5 TFLOPS  fitted
        }
        """,
        format(
            """
            library l

            param batchSize : count = 3
            param wait : time = 60 min

            platform x {
              gpu t4 = nvidia.T4 { memory 15 GiB  reserve 1 GiB }
              host theHost = generic.DDR4 { memory 200 GiB  reserve 10% } // mine
              link t4 <-> theHost { rate 12 GB/s } // ours
            }
            device gpu G {
              memory 3 GiB spec // data sheet
              memory-bandwidth 300 GB/s measured
              matmul-prefill(fp16) 3.5 TFLOPS     fitted
            }
            """));
  }

  @Test
  void placementsAndChangesAreLinedUp() {
    assertEquals(
        """
        plan p
        place {
          weights                on t4 20%, ram rest
          weights of embed, head on t4 100%
          kv                     on ram auto
        }
        approximate within perplexity +1% {
          weights 4-bit group 64
          kv      8-bit
        }
        variant v {
          override place    { weights on t4 100%   kv on ram 100% }
          override schedule { attention decode on t4 }
        }
        """,
        format(
            """
            plan p
            place {
              weights on t4 20%, ram rest
              weights of embed, head on t4 100%
              kv on ram auto
            }
            approximate within perplexity +1% {
              weights 4-bit group 64
              kv 8-bit
            }
            variant v {
              override place { weights on t4 100% kv on ram 100% }
              override schedule { attention decode on t4 }
            }
            """));
  }

  @Test
  void aColumnThatTheAuthorLinedUpStaysAlsoWithOneLineTooLongForIt() {
    String text =
        """
        plan p
        platform x {
          gpu  a6000 = nvidia.RtxA6000  { memory 48 GiB }
          host ram   = generic.DDR4     { memory 96 GiB }
          csd  inst[drives] = csd.InstInfer { memory 2 TB }
        }
        """;
    assertEquals(text, format(text));
  }
}
