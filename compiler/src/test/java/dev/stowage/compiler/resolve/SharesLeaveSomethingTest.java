package dev.stowage.compiler.resolve;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.SourceSpan;
import dev.stowage.optimizer.Bounds;
import dev.stowage.optimizer.Source;
import dev.stowage.optimizer.Thing;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SharesLeaveSomethingTest {
  private static final Source FIRST = new Source("p.stow", 10, 5, "kv on ram >= 60%");
  private static final Source SECOND = new Source("p.stow", 30, 5, "kv on ram <= 40%");
  private static final Map<Source, SourceSpan> SPANS =
      Map.of(
          FIRST, new SourceSpan("p.stow", 10, 5, 1, 11),
          SECOND, new SourceSpan("p.stow", 30, 5, 2, 1));

  private static List<Diagnostic> found(List<String> devices, double most) {
    var found = new ArrayList<Diagnostic>();
    new SharesLeaveSomething()
        .check(
            List.of(
                new Bounds.Share(new Thing.Kv(), List.of("ram"), 0.6, 1, FIRST),
                new Bounds.Share(new Thing.Kv(), devices, 0, most, SECOND)),
            SPANS,
            found::add);
    return found;
  }

  @Test
  void twoSharesThatLeaveNothingAreBothCited() {
    var found = found(List.of("ram"), 0.4).getFirst();

    assertEquals("SW134", found.code());
    assertEquals(SPANS.get(SECOND), found.span());
    assertEquals(SPANS.get(FIRST), found.related().getFirst().span());
  }

  @Test
  void sharesThatLeaveSomethingOrSpeakOfOtherDevicesAreNot() {
    assertEquals(List.of(), found(List.of("ram"), 0.6));
    assertEquals(List.of(), found(List.of("ssd"), 0.4));
  }
}
