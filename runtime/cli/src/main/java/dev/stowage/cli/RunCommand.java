package dev.stowage.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.plan.model.ModelHeaders;
import dev.stowage.runtime.session.Completion;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import dev.stowage.runtime.text.Continuation;
import dev.stowage.runtime.text.Words;
import dev.stowage.runtime.tokenizer.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code stowage run}: continues prompts. */
@Command(
    name = "run",
    description = "Runs a plan: continues prompts, and streams the tokens.",
    mixinStandardHelpOptions = true)
final class RunCommand implements Callable<Integer> {
  private final Console console;

  @Mixin private PlanArgument argument = new PlanArgument();
  @Mixin private GenerationOptions generation = new GenerationOptions();
  @Mixin private ThreadOption threads = new ThreadOption();

  @Option(
      names = {"-p", "--prompt"},
      paramLabel = "TEXT",
      description = "A text to continue; may be repeated.")
  private List<String> texts = new ArrayList<>();

  @Option(
      names = "--prompt-ids",
      paramLabel = "IDS",
      description = "Token ids to continue, such as 2,5,7; may be repeated.")
  private List<String> ids = new ArrayList<>();

  @Option(
      names = "--requests",
      paramLabel = "FILE.jsonl",
      description =
          "One JSON object a line: prompt or prompt_ids, max_tokens, temperature, top_k, top_p, seed, stop.")
  private Path requests;

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      description = "${COMPLETION-CANDIDATES}; default: ${DEFAULT-VALUE}.")
  private Format format = Format.HUMAN;

  RunCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws ModelFormatException {
    var prompts = prompts();
    int workers = threads.threads();
    var source = argument.open(console);
    var words = Words.of(source.model(), source.shape());
    var endIds = generation.ignoreEos() ? Set.<Integer>of() : endIds(source);
    var list = requests(prompts, source, words, endIds);
    var planned = source.plan(room(list, prompts));
    var continuations = new ArrayList<Continuation>();
    for (var prompt : prompts) {
      continuations.add(
          new Continuation(words.tokenizer().map(Tokenizer::stream), prompt.generation().stops()));
    }
    boolean met;
    try (var _ = console.interrupt().begin();
        var session =
            Session.open(
                planned.plan(), planned.schedule(), planned.base(), source.model(), workers)) {
      var completions =
          session.generate(list, (request, id) -> token(request, continuations.get(request), id));
      show(list, completions, continuations, planned, session);
      met =
          planned
              .runExpectations()
              .test(
                  Measured.of(session.metrics(), list.size(), planned.plan().batch().sequences()));
    }
    return (planned.expectationMissed() || !met ? Exit.EXPECTATION_FAILED : Exit.GOOD).code();
  }

  private List<Prompt> prompts() {
    var defaults = generation.generation();
    var prompts = new ArrayList<Prompt>();
    texts.forEach(text -> prompts.add(new Prompt.Text(text, defaults)));
    ids.forEach(list -> prompts.add(new Prompt.Ids(Prompt.ids("--prompt-ids", list), defaults)));
    if (requests != null) {
      prompts.addAll(Prompt.readRequests(requests, defaults, console));
    }
    if (prompts.isEmpty()) {
      throw Failure.usage("nothing to run: give a prompt with -p, --prompt-ids or --requests");
    }
    return prompts;
  }

  private static Set<Integer> endIds(PlanSource source) throws ModelFormatException {
    return new HashSet<>(ModelHeaders.open(source.model()).endTokens());
  }

  private static List<Request> requests(
      List<Prompt> prompts, PlanSource source, Words words, Set<Integer> endIds)
      throws ModelFormatException {
    var list = new ArrayList<Request>();
    for (int i = 0; i < prompts.size(); i++) {
      var prompt = prompts.get(i);
      var tokens =
          switch (prompt) {
            case Prompt.Text(var text, var _) -> words.encode(text);
            case Prompt.Ids(var given, var _) ->
                Prompt.checked("prompt " + i, given, source.shape());
          };
      if (tokens.length == 0) {
        throw Failure.usage("prompt %d has no tokens: there is nothing to continue".formatted(i));
      }
      if (words.tokenizer().isEmpty() && !prompt.generation().stops().isEmpty()) {
        throw Failure.usage("prompt %d: a stop string needs a model with a tokenizer".formatted(i));
      }
      var generation = prompt.generation();
      int most = generation.maxTokens().orElse(source.generateTokens(tokens.length));
      list.add(new Request(tokens, most, endIds, generation.sampling()));
    }
    return list;
  }

  private static Room room(List<Request> list, List<Prompt> prompts) {
    int promptTokens = 0;
    long positions = 0;
    for (var request : list) {
      int length = request.prompt().length;
      promptTokens = Math.max(promptTokens, length);
      positions = Math.max(positions, (long) length + Math.max(0, request.maxTokens() - 1));
    }
    return new Room(prompts.size(), promptTokens, (int) Math.min(Integer.MAX_VALUE, positions));
  }

  /** Streams the first prompt's text; the others follow when all are done. */
  private boolean token(int request, Continuation continuation, int id) {
    String shown = continuation.add(id);
    if (request == 0 && format == Format.HUMAN) {
      console.out().print(shown);
      console.out().flush();
    }
    return !continuation.stopped()
        && !console.interrupt().requested()
        && !console.out().checkError();
  }

  private void show(
      List<Request> requests,
      List<Completion> completions,
      List<Continuation> continuations,
      Planned planned,
      Session session) {
    var summary = new RunSummary(planned, session.metrics(), session.kernels());
    switch (format) {
      case HUMAN -> {
        console.out().println(continuations.getFirst().finish());
        for (int i = 1; i < continuations.size(); i++) {
          continuations.get(i).finish();
          console.out().println("[" + i + "] " + continuations.get(i).text());
        }
        console.out().flush();
      }
      case JSON -> {
        var result = Json.result();
        var results = result.putArray("results");
        for (int i = 0; i < completions.size(); i++) {
          continuations.get(i).finish();
          add(results.addObject(), requests.get(i), completions.get(i), continuations.get(i));
        }
        summary.json(result.putObject("metrics"));
        Json.print(result, console);
      }
    }
    console.err().print(summary.human());
  }

  private static void add(
      ObjectNode node, Request request, Completion completion, Continuation continuation) {
    node.put("index", completion.index());
    var promptIds = node.putArray("prompt_ids");
    for (int id : request.prompt()) {
      promptIds.add(id);
    }
    completion.output().forEach(node.putArray("output_ids")::add);
    if (continuation.hasText()) {
      node.put("text", continuation.text());
    } else {
      node.putNull("text");
    }
    node.put("finish_reason", completion.finish().word());
  }
}
