package dev.stowage.cli;

import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.plan.text.Amount;
import dev.stowage.plan.text.Table;
import dev.stowage.runtime.session.Score;
import dev.stowage.runtime.session.Session;
import dev.stowage.runtime.text.Words;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code stowage score}: how likely a model finds a text. */
@Command(
    name = "score",
    description = "The log-probability of every next token; the perplexity of a text.",
    mixinStandardHelpOptions = true)
final class ScoreCommand implements Callable<Integer> {
  private final Console console;

  @Mixin private PlanArgument argument = new PlanArgument();
  @Mixin private ThreadOption threads = new ThreadOption();

  @ArgGroup(exclusive = true, multiplicity = "1")
  private Given given;

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "Also names the K likeliest tokens after the last.")
  private int top = 0;

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      description = "${COMPLETION-CANDIDATES}; default: ${DEFAULT-VALUE}.")
  private Format format = Format.HUMAN;

  /** What to score. */
  static final class Given {
    @Option(
        names = "--ids",
        paramLabel = "IDS",
        required = true,
        description = "Token ids, such as 2,5,7.")
    private String ids;

    @Option(
        names = "--text",
        paramLabel = "FILE",
        required = true,
        description = "A UTF-8 text, scored in windows as long as the plan has room for.")
    private Path text;
  }

  ScoreCommand(Console console) {
    this.console = console;
  }

  /**
   * What was scored.
   *
   * @param ids of all windows, one after the other
   * @param logprobs of all ids; {@code null} where a window begins
   */
  private record Scored(
      List<Integer> ids, List<Double> logprobs, List<Score.Candidate> top, int windows) {
    double perplexity() {
      double sum = 0;
      int tokens = 0;
      for (var logprob : logprobs) {
        if (logprob != null) {
          sum += logprob;
          tokens++;
        }
      }
      return tokens == 0 ? 1 : Math.exp(-sum / tokens);
    }
  }

  @Override
  public Integer call() throws ModelFormatException {
    if (top < 0) {
      throw Failure.usage("--top takes 0 or more");
    }
    int[] ids = given.ids == null ? new int[0] : Prompt.ids("--ids", given.ids);
    String text = given.text == null ? "" : Prompt.readText(given.text, console);
    int workers = threads.threads();
    var source = argument.open(console);
    var words = Words.of(source.model(), source.shape());
    if (top > source.shape().vocabulary()) {
      throw Failure.usage(
          "--top %d, but the vocabulary has %d tokens".formatted(top, source.shape().vocabulary()));
    }
    Planned planned;
    List<int[]> windows;
    if (given.ids != null) {
      planned = source.plan(new Room(1, ids.length, ids.length));
      windows = List.of(Prompt.checked("--ids", ids, source.shape()));
    } else {
      var opening = opening(words);
      var tokens = words.encodeBare(text);
      if (tokens.length == 0) {
        throw Failure.usage("%s has no tokens".formatted(given.text));
      }
      int length = Math.min(opening.length + tokens.length, source.windowTokens());
      planned = source.plan(new Room(1, length, length));
      windows = windows(opening, tokens, length);
    }
    Scored scored;
    boolean met;
    try (var _ = console.interrupt().begin();
        var session =
            Session.open(
                planned.plan(),
                planned.schedule(),
                planned.base(),
                source.model(),
                workers,
                new Preparation(console))) {
      scored = score(session, windows);
      met =
          planned
              .runExpectations()
              .test(
                  Measured.of(
                      session.metrics(), windows.size(), planned.plan().batch().sequences()));
    }
    switch (format) {
      case HUMAN -> human(scored, words);
      case JSON -> json(scored);
    }
    return (planned.expectationMissed() || !met ? Exit.EXPECTATION_FAILED : Exit.GOOD).code();
  }

  /** The ids that open a text of this tokenizer. */
  private static int[] opening(Words words) throws ModelFormatException {
    var frame = words.encode("x");
    var bare = words.encodeBare("x");
    int from = 0;
    while (from < frame.length - bare.length
        && !Arrays.equals(frame, from, from + bare.length, bare, 0, bare.length)) {
      from++;
    }
    return Arrays.copyOf(frame, from);
  }

  /** Cuts a text into windows, each opened like a text of its own. */
  private static List<int[]> windows(int[] opening, int[] tokens, int length) {
    int fresh = length - opening.length;
    if (fresh < 1) {
      throw Failure.usage("the plan has room for %d tokens, too few for a text".formatted(length));
    }
    var windows = new ArrayList<int[]>();
    for (int from = 0; from < tokens.length; from += fresh) {
      int to = Math.min(tokens.length, from + fresh);
      var window = Arrays.copyOf(opening, opening.length + to - from);
      System.arraycopy(tokens, from, window, opening.length, to - from);
      windows.add(window);
    }
    return windows;
  }

  private Scored score(Session session, List<int[]> windows) {
    var ids = new ArrayList<Integer>();
    var logprobs = new ArrayList<Double>();
    var likeliest = List.<Score.Candidate>of();
    for (var window : windows) {
      if (console.interrupt().requested()) {
        throw new Failure(Exit.INTERRUPTED);
      }
      var score = session.score(window, top);
      for (int id : window) {
        ids.add(id);
      }
      logprobs.add(null);
      logprobs.addAll(score.logprobs());
      likeliest = score.top();
    }
    return new Scored(ids, logprobs, likeliest, windows.size());
  }

  private void human(Scored scored, Words words) {
    if (given.ids != null) {
      var table = new Table("id>", "token", "log-probability>");
      for (int i = 0; i < scored.ids().size(); i++) {
        var logprob = scored.logprobs().get(i);
        table.row(
            Integer.toString(scored.ids().get(i)),
            token(words, scored.ids().get(i)),
            logprob == null ? "" : Amount.format("%.6f", logprob));
      }
      console.out().print(table.text());
    }
    if (!scored.top().isEmpty()) {
      var table = new Table("next>", "token", "log-probability>");
      for (var candidate : scored.top()) {
        table.row(
            Integer.toString(candidate.id()),
            token(words, candidate.id()),
            Amount.format("%.6f", candidate.logprob()));
      }
      console.out().println();
      console.out().print(table.text());
    }
    console
        .out()
        .print(
            Amount.format(
                "perplexity %.4f over %d tokens in %d windows%n",
                scored.perplexity(), scored.ids().size() - scored.windows(), scored.windows()));
  }

  private static String token(Words words, int id) {
    return words.tokenizer().flatMap(t -> t.token(id)).orElse("");
  }

  private void json(Scored scored) {
    var result = Json.result();
    scored.ids().forEach(result.putArray("ids")::add);
    scored.logprobs().forEach(result.putArray("token_logprobs")::add);
    var candidates = result.putArray("top");
    for (var candidate : scored.top()) {
      candidates.addArray().add(candidate.id()).add(candidate.logprob());
    }
    if (given.text != null) {
      result.put("windows", scored.windows()).put("perplexity", scored.perplexity());
    }
    Json.print(result, console);
  }
}
