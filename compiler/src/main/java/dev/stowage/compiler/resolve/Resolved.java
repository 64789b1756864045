package dev.stowage.compiler.resolve;

import dev.stowage.dsl.SourceSpan;
import dev.stowage.optimizer.Problem;
import dev.stowage.optimizer.Source;
import dev.stowage.plan.Buffer;
import dev.stowage.plan.ModelSource;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A plan with every name bound and every unit gone.
 *
 * @param problems what the optimizer is asked; several differ in how the KV cache is cut, and the
 *     best answer holds
 * @param source where the weights come from, as the plan will say it
 * @param modelFolder the folder of the weights on this machine; empty for a shape
 * @param lanes whether stores and attention on drives run beside the compute
 * @param writeBack what was said of how many tokens of KV drives gather
 * @param pin what was said of page-locked memory, if not that of all
 * @param diagonal what said that requests begin one after another
 * @param expectations what the plan expects, in the order written
 * @param spans the text behind each source the optimizer may name
 * @param devices where each device is declared
 * @param planSpan the plan's header, for what concerns the whole of it
 */
public record Resolved(
    String name,
    List<Problem> problems,
    ModelSource source,
    Optional<Path> modelFolder,
    boolean lanes,
    Optional<WriteBack> writeBack,
    Optional<Pin> pin,
    Optional<Diagonal> diagonal,
    List<Expectation> expectations,
    Map<Source, SourceSpan> spans,
    Map<String, SourceSpan> devices,
    SourceSpan planSpan) {
  /**
   * How many tokens of a sequence drives gather before they program them.
   *
   * @param text the statement
   */
  public record WriteBack(int tokens, String text, SourceSpan span) {}

  /**
   * What of the host's memory that a gpu copies is left pageable.
   *
   * @param text the statement
   */
  public record Pin(Set<Buffer.Purpose> pageable, String text, SourceSpan span) {
    public Pin {
      pageable = Set.copyOf(pageable);
    }
  }

  /**
   * That requests begin one after another.
   *
   * @param text the statement
   */
  public record Diagonal(String text, SourceSpan span) {}

  public Resolved {
    problems = List.copyOf(problems);
    expectations = List.copyOf(expectations);
    spans = Map.copyOf(spans);
    devices = Map.copyOf(devices);
  }
}
