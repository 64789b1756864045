package dev.stowage.compiler.resolve;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.stowage.dsl.StowParser;
import dev.stowage.dsl.script.Selector;
import java.nio.file.Path;
import org.eclipse.xtext.EcoreUtil2;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SelectorSizeTest {
  private static final Path FILE = Path.of("p.stow");

  /** OPT-125M: 12 layers, 768 wide, an MLP of 3072, FP16. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "weights of layers[3].mlp.up | shape opt-125m | 1 matrix, 4.5 MiB",
        "weights of layers[0..11].mlp | shape opt-125m | 24 matrices, 108.0 MiB",
        "weights of layers[0,0..1].attn | shape opt-125m | 8 matrices, 9.0 MiB",
        "weights of layers[12] | shape opt-125m | nothing",
        "weights of layers[0].mlp | hf \"nowhere\" | nothing",
        "kv of layers[0] | shape opt-125m | 1 layer, 3.0 KiB a token",
        "kv of layers[0..2,11] | shape opt-125m | 4 layers, 12.0 KiB a token",
        "kv of layers[12] | shape opt-125m | nothing",
        "kv of layers[0].attn | shape opt-125m | nothing",
      })
  void countsWhatIsSelected(String subject, String model, String words) {
    var script =
        StowParser.parse(
                "plan p platform x { host ram { memory 1 GiB } } model m = %s place { %s on ram 100%% }"
                    .formatted(model, subject),
                FILE)
            .root();
    var selector = EcoreUtil2.eAllOfType(script, Selector.class).getFirst();
    assertEquals(
        words, SelectorSize.of(selector, script, FILE).map(SelectorSize::words).orElse("nothing"));
  }
}
