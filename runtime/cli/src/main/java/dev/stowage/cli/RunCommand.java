package dev.stowage.cli;

import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.session.Completion;
import dev.stowage.runtime.session.Recording;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.Session;
import dev.stowage.runtime.text.Continuation;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
          "One JSON object a line: prompt or prompt_ids, max_tokens, temperature, top_k, top_p, seed, stop, logprobs.")
  private Path requests;

  @Option(
      names = "--output",
      paramLabel = "FILE.jsonl",
      description =
          "Where the results of --requests go as they are ready, one JSON object a line; a job that was cut short goes on.")
  private Path output;

  @Option(
      names = "--trace",
      paramLabel = "OUT",
      description = "Also writes a Chrome trace of the lanes, beside the simulated ones.")
  private Path trace;

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
    int workers = threads.threads();
    if (output != null) {
      return job(workers);
    }
    var prompts = prompts();
    var source = argument.open(console);
    var encoder = RequestEncoder.of(source, generation.ignoreEos());
    var list = requests(prompts, encoder);
    var planned = source.plan(room(list, prompts));
    var continuations = new ArrayList<Continuation>();
    for (var prompt : prompts) {
      continuations.add(encoder.continuation(prompt));
    }
    boolean met;
    var before = HostMemory.begin();
    try (var _ = console.interrupt().begin();
        var session =
            Session.open(
                planned.plan(),
                planned.schedule(),
                planned.base(),
                source.model(),
                workers,
                new Preparation(console))) {
      record(session);
      var completions =
          session.generate(list, (request, id) -> token(request, continuations.get(request), id));
      var summary = RunSummary.of(planned, session, before);
      show(list, completions, continuations, summary);
      trace(planned, summary.recording());
      met = met(planned, session, list.size());
    }
    return (planned.expectationMissed() || !met ? Exit.EXPECTATION_FAILED : Exit.GOOD).code();
  }

  /** Takes a file of requests to a file of results. */
  private int job(int workers) throws ModelFormatException {
    if (requests == null || !texts.isEmpty() || !ids.isEmpty()) {
      throw Failure.usage("--output takes the results of --requests alone");
    }
    var source = argument.open(console);
    var encoder = RequestEncoder.of(source, generation.ignoreEos());
    var job = Job.read(requests, generation.generation(), encoder, console);
    var planned = source.plan(job.room());
    try (var results = ResultFile.open(output, job.header(planned), console)) {
      int before = results.count();
      if (before > 0) {
        console.say(
            "%s has results of %d of %d requests".formatted(output, before, job.requests()));
      }
      if (before == job.requests()) {
        return Exit.GOOD.code();
      }
      return run(job, results, planned, source.model(), workers).code();
    }
  }

  private Exit run(Job job, ResultFile results, Planned planned, Path model, int workers)
      throws ModelFormatException {
    int before = results.count();
    var resident = HostMemory.begin();
    try (var _ = console.interrupt().begin();
        var session =
            Session.open(
                planned.plan(),
                planned.schedule(),
                planned.base(),
                model,
                workers,
                new Preparation(console))) {
      record(session);
      try (var running = job.start(results)) {
        session.generate(running);
      }
      int now = results.count() - before;
      var summary = RunSummary.of(planned, session, resident);
      if (format == Format.JSON) {
        var result = Json.result().put("requests", job.requests()).put("results", now);
        result.put("results_before", before);
        summary.json(result.putObject("metrics"));
        Json.print(result, console);
      }
      console.err().print(summary.human());
      trace(planned, summary.recording());
      boolean met = now == 0 || met(planned, session, now);
      return planned.expectationMissed() || !met ? Exit.EXPECTATION_FAILED : Exit.GOOD;
    }
  }

  /** Times the lanes where it is told what they did. */
  private void record(Session session) {
    if (trace != null || format == Format.JSON) {
      session.record(trace != null);
    }
  }

  private void trace(Planned planned, Recording recording) {
    if (trace != null) {
      if (!recording.whole()) {
        console.say(trace + " has only the beginning: there was too much to keep");
      }
      LaneTrace.of(planned, recording).write(trace, console);
    }
  }

  private static boolean met(Planned planned, Session session, int requests) {
    int slots = planned.plan().batch().sequences();
    return planned.runExpectations().test(Measured.of(session.metrics(), requests, slots));
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
      console.say("no prompt, so the model begins by itself; -p TEXT gives one");
      prompts.add(new Prompt.Text("", defaults));
    }
    return prompts;
  }

  private List<Request> requests(List<Prompt> prompts, RequestEncoder encoder)
      throws ModelFormatException {
    var list = new ArrayList<Request>();
    for (int i = 0; i < prompts.size(); i++) {
      var request = encoder.encode("prompt " + i, prompts.get(i));
      if (request.logprobs().isPresent() && format == Format.HUMAN) {
        throw Failure.usage("prompt %d: logprobs need --format json or --output".formatted(i));
      }
      list.add(request);
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
      RunSummary summary) {
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
          var node = results.addObject().put("index", i);
          ResultLine.add(node, requests.get(i), completions.get(i), continuations.get(i));
        }
        summary.json(result.putObject("metrics"));
        Json.print(result, console);
      }
    }
    console.err().print(summary.human());
  }
}
