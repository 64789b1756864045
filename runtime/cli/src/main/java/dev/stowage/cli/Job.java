package dev.stowage.cli;

import dev.stowage.cli.GenerationOptions.Generation;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.plan.text.StowPlan;
import dev.stowage.plan.text.StowPlanFile;
import dev.stowage.runtime.session.Completion;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.session.RequestStream;
import dev.stowage.runtime.text.Continuation;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;

/**
 * A file of requests on its way through a plan. It is read twice: first all of it is checked and
 * measured, then requests are taken as there is room for them; held are those that run, and eight
 * bytes for every result.
 */
final class Job {
  private final Path file;
  private final Generation defaults;
  private final RequestEncoder encoder;
  private final Console console;
  private int requests;
  private Room room;
  private String fileSha256;
  private String requestsSha256;

  private Job(Path file, Generation defaults, RequestEncoder encoder, Console console) {
    this.file = file;
    this.defaults = defaults;
    this.encoder = encoder;
    this.console = console;
  }

  /** Checks a whole file of requests; one that cannot be carried out is refused here. */
  static Job read(Path file, Generation defaults, RequestEncoder encoder, Console console)
      throws ModelFormatException {
    var job = new Job(file, defaults, encoder, console);
    job.measure();
    return job;
  }

  /** What a plan needs room for. */
  Room room() {
    return room;
  }

  /** How many requests the file has. */
  int requests() {
    return requests;
  }

  /** What results of this job begin with. */
  JobHeader header(Planned planned) {
    var plan = StowPlanFile.bytes(new StowPlan(planned.plan(), planned.schedule()));
    return new JobHeader(requests, fileSha256, requestsSha256, Sha256.of(plan));
  }

  /** The requests that have no result yet, for a session. */
  Running start(ResultFile results) {
    return new Running(results);
  }

  private void measure() throws ModelFormatException {
    int promptTokens = 0;
    long positions = 0;
    var all = Sha256.create();
    try (var in = RequestFile.open(file, defaults, console)) {
      for (var next = in.next(); next.isPresent(); next = in.next()) {
        var request = encoder.encode(in.place(), next.get());
        int length = request.prompt().length;
        promptTokens = Math.max(promptTokens, length);
        positions = Math.max(positions, (long) length + Math.max(0, request.maxTokens() - 1));
        requests = Math.addExact(requests, 1);
        all.update(digest(request, next.get()));
      }
      fileSha256 = in.sha256();
    }
    if (requests == 0) {
      throw Failure.usage("%s has no requests".formatted(file));
    }
    requestsSha256 = HexFormat.of().formatHex(all.digest());
    room = new Room(requests, promptTokens, (int) Math.min(Integer.MAX_VALUE, positions));
  }

  /** SHA-256 of all that a result depends on besides the plan. */
  private static byte[] digest(Request request, Prompt prompt) {
    var sha256 = Sha256.create();
    var ids = request.prompt();
    var sampling = request.sampling();
    add(sha256, ids.length);
    for (int id : ids) {
      add(sha256, id);
    }
    add(sha256, request.maxTokens());
    add(sha256, request.stopIds().size());
    request.stopIds().stream().sorted().forEach(id -> add(sha256, id));
    add(sha256, Double.doubleToLongBits(sampling.temperature()));
    add(sha256, sampling.topK());
    add(sha256, Double.doubleToLongBits(sampling.topP()));
    add(sha256, sampling.seed());
    add(sha256, request.logprobs().orElse(-1));
    for (var stop : prompt.generation().stops()) {
      var bytes = stop.getBytes(StandardCharsets.UTF_8);
      add(sha256, bytes.length);
      sha256.update(bytes);
    }
    return sha256.digest();
  }

  private static void add(MessageDigest sha256, long number) {
    sha256.update(ByteBuffer.allocate(Long.BYTES).putLong(0, number));
  }

  /** What runs of the job now. */
  final class Running implements RequestStream, AutoCloseable {
    private final ResultFile results;
    private final RequestFile in = RequestFile.open(file, defaults, console);
    private final Progress progress;
    private final Map<Integer, Underway> underway = new HashMap<>();
    private int read;

    private Running(ResultFile results) {
      this.results = results;
      progress = new Progress(console, requests, results.count());
    }

    private record Underway(Request request, long digest, Continuation continuation) {}

    @Override
    public Optional<Numbered> next() {
      try {
        while (!console.interrupt().requested()) {
          var prompt = in.next();
          if (prompt.isEmpty()) {
            if (!in.sha256().equals(fileSha256)) {
              throw changed();
            }
            return Optional.empty();
          }
          int index = read++;
          if (index >= requests) {
            throw changed();
          }
          var request = encoder.encode(in.place(), prompt.get());
          long digest = ByteBuffer.wrap(digest(request, prompt.get())).getLong();
          if (!results.has(index, digest)) {
            underway.put(index, new Underway(request, digest, encoder.continuation(prompt.get())));
            return Optional.of(new Numbered(index, request));
          }
        }
        return Optional.empty();
      } catch (ModelFormatException e) {
        throw Failure.machine(e.getMessage());
      }
    }

    private Failure changed() {
      return Failure.usage("%s has been changed while it was being read".formatted(file));
    }

    @Override
    public int waiting() {
      return requests - read;
    }

    @Override
    public boolean token(int number, int id) {
      var continuation = underway.get(number).continuation();
      continuation.add(id);
      progress.token();
      return !continuation.stopped() && !console.interrupt().requested();
    }

    /** Keeps a result, unless it was cut short by an interrupt. */
    @Override
    public void completed(Completion completion) {
      var ended = underway.remove(completion.index());
      if (completion.finish() == Completion.Finish.STOP && !ended.continuation().stopped()) {
        return;
      }
      var node = Json.MAPPER.createObjectNode().put("index", completion.index());
      node.put("request", HexFormat.of().toHexDigits(ended.digest()));
      ResultLine.add(node, ended.request(), completion, ended.continuation());
      results.append(completion.index(), ended.digest(), node);
      progress.completed();
    }

    @Override
    public void close() {
      in.close();
      progress.end();
    }
  }
}
