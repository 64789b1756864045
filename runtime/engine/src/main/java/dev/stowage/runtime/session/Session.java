package dev.stowage.runtime.session;

import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.kernel.Logits;
import dev.stowage.runtime.sampler.Sampler;
import dev.stowage.runtime.storage.ReadTrial;
import dev.stowage.runtime.weights.PreparedFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A plan bound to this machine and a model's files, ready to make tokens. Used by one thread at a
 * time.
 *
 * <pre>{@code
 * try (var session = Session.open(plan, schedule, base, model)) {
 *   for (var completion : session.generate(requests, (request, id) -> true)) { … }
 * }
 * }</pre>
 */
public final class Session implements AutoCloseable {
  private final ExecutablePlan plan;
  private final BatchShape batch;
  private final Binder.Bound bound;
  private final Program program;
  private final MemorySegment logits;
  private final int vocabulary;
  private final Slot[] slots;
  private final Admission admission;
  private final int[] firstSlots; // of every micro-batch, and the number of slots
  private final double loadSeconds;
  private final boolean sparse;
  private final Meter meter = new Meter();
  private RequestStream.Numbered waiting; // for room; null if none does

  private Session(ExecutablePlan plan, Binder.Bound bound, double loadSeconds) {
    this.plan = plan;
    this.bound = bound;
    this.loadSeconds = loadSeconds;
    batch = plan.batch();
    program = bound.program();
    logits = bound.logits();
    vocabulary = plan.shape().vocabulary();
    sparse = plan.kv().stream().anyMatch(region -> region.sparsity().isPresent());
    slots = new Slot[batch.sequences()];
    Arrays.setAll(slots, slot -> new Slot());
    admission = new Admission(batch, plan.pages());
    firstSlots = new int[batch.microBatches() + 1];
    Arrays.setAll(firstSlots, i -> i == 0 ? 0 : batch.slots(i - 1).to());
  }

  /**
   * Binds a plan.
   *
   * @param base the folder that relative paths of the plan start from
   * @param model the model's folder
   * @param threads worker threads of the host's kernels
   * @throws dev.stowage.runtime.device.DeviceException if this machine lacks what the plan needs
   * @throws ModelFormatException if the model's files are damaged, or are not those the plan was
   *     made for
   */
  public static Session open(
      ExecutablePlan plan, Schedule schedule, Path base, Path model, int threads)
      throws ModelFormatException {
    return open(plan, schedule, base, model, threads, (made, all) -> {});
  }

  /**
   * Binds a plan, and lets somebody watch.
   *
   * @param progress hears how far the rows are that the plan stores on a disk otherwise than the
   *     model; nothing once they are there
   */
  public static Session open(
      ExecutablePlan plan,
      Schedule schedule,
      Path base,
      Path model,
      int threads,
      PreparedFile.Progress progress)
      throws ModelFormatException {
    long start = System.nanoTime();
    var bound = Binder.bind(plan, schedule, base, model, threads, progress);
    return new Session(plan, bound, seconds(start));
  }

  /**
   * Continues prompts, as many at a time as the plan's block has slots; a slot whose sequence has
   * ended takes the next prompt.
   *
   * @return one completion for every request, in their order
   * @throws IllegalArgumentException if a prompt does not fit the plan's lengths, or has an id
   *     outside the vocabulary; nothing has run then
   */
  public List<Completion> generate(List<Request> requests, TokenListener listener) {
    for (int i = 0; i < requests.size(); i++) {
      check(i, requests.get(i));
    }
    var given = new Given(requests, listener);
    generate(given);
    return List.of(given.completions);
  }

  /**
   * Continues prompts as they come, as many at a time as the plan's block has slots and its KV
   * cache has room for. Of those that wait one at most is held, of those that are done nothing.
   *
   * @throws IllegalArgumentException if a prompt does not fit the plan's lengths, or has an id
   *     outside the vocabulary; what runs beside it is given up then
   */
  public void generate(RequestStream requests) {
    meter.begin();
    admission.begin();
    clearAll();
    var decoding = new Decoding(requests);
    try {
      boolean more = true;
      while (true) {
        more = more && admit(requests);
        if (!running()) {
          return;
        }
        sweep(decoding);
        for (int i = 0; i < decoding.ended.size(); i++) {
          requests.completed(decoding.ended.get(i));
        }
        more = more || requests.mayGoOn();
      }
    } finally {
      waiting = null;
      for (var slot : slots) {
        slot.request = -1;
      }
    }
  }

  /** Begins the next requests, as far as there is room for them; whether there may be more. */
  private boolean admit(RequestStream requests) {
    while (admission.hasFreeSlot()) {
      if (waiting == null) {
        var next = requests.next();
        if (next.isEmpty()) {
          return false;
        }
        take(next.get(), requests);
      } else {
        var request = waiting.request();
        int stored = stored(request);
        int slot = admission.admit(request.prompt().length, stored, requests.waiting());
        if (slot < 0) {
          return true;
        }
        slots[slot].begin(waiting, batch.tokens(), vocabulary);
        waiting = null;
      }
    }
    return true;
  }

  /** The next request waits until there is room, unless nothing is to be made. */
  private void take(RequestStream.Numbered next, RequestStream requests) {
    check(next.number(), next.request());
    if (next.request().maxTokens() == 0) {
      requests.completed(
          new Completion(next.number(), List.of(), Completion.Finish.LENGTH, List.of()));
    } else {
      waiting = next;
    }
  }

  /** Positions that a request has stored at its end, if nothing stops it. */
  private int stored(Request request) {
    return Math.min(batch.tokens(), request.prompt().length + request.maxTokens() - 1);
  }

  /** What a call that failed has left. */
  private void clearAll() {
    for (int slot = 0; slot < slots.length; slot++) {
      clear(slot);
    }
  }

  private void clear(int slot) {
    if (slots[slot].filled) {
      program.clear(slot);
      slots[slot].filled = false;
    }
  }

  private boolean running() {
    for (var slot : slots) {
      if (slot.request >= 0) {
        return true;
      }
    }
    return false;
  }

  /**
   * The log-probability of every next token of a text. Where attention of decode is sparse, the
   * text beyond the plan's prompt length is read token by token, as if it had been generated.
   *
   * @param ids at least one id
   * @param top how many of the likeliest tokens after the last to name
   */
  public Score score(int[] ids, int top) {
    var scoring = score(ids, top, false);
    return new Score(scoring.logprobs, scoring.candidates);
  }

  /**
   * The log-probability of every next token of a text, as {@link #score}, each with the likeliest
   * in its place.
   *
   * @param top how many of the likeliest to name
   * @return one for every token but the first
   */
  public List<TokenLogprob> scoreEvery(int[] ids, int top) {
    var scoring = score(ids, top, true);
    var all = new ArrayList<TokenLogprob>();
    for (int i = 0; i < scoring.logprobs.size(); i++) {
      all.add(new TokenLogprob(scoring.logprobs.get(i), scoring.every.get(i)));
    }
    return all;
  }

  private Scoring score(int[] ids, int top, boolean every) {
    check(0, ids);
    if (top < 0 || top > vocabulary) {
      throw new IllegalArgumentException(
          "the likeliest %d of a vocabulary of %d".formatted(top, vocabulary));
    }
    meter.begin();
    clearAll();
    slots[0].filled = true;
    var scoring = new Scoring(ids, top, every);
    int chunk = Math.min(batch.prefillChunk(), batch.promptTokens());
    int prompt = sparse ? Math.min(ids.length, batch.promptTokens()) : ids.length;
    for (int start = 0, end; start < ids.length; start = end) {
      for (var pass : program.passes()) {
        pass.clear();
      }
      boolean continues = start >= prompt;
      end = continues ? start + 1 : Math.min(start + chunk, prompt);
      for (int position = start; position < end; position++) {
        program.passes()[0].add(ids[position], 0, position, start, continues, true);
      }
      bound.recorder().sweep(true);
      long began = System.nanoTime();
      program.sweep(scoring);
      long ended = System.nanoTime();
      bound.recorder().swept(began, ended);
      meter.prefill(end - start, ended - began);
    }
    return scoring;
  }

  /**
   * From now on, measures how long every lane works: between the sweeps of prompts and of decoding.
   *
   * @param spans whether to keep single pieces of work too
   */
  public void record(boolean spans) {
    bound.recorder().start(spans);
  }

  /** What the lanes have done since {@link #record}. */
  public Recording recording() {
    return bound.recorder().recording();
  }

  /** What this session has measured so far. */
  public Metrics metrics() {
    return meter.metrics(loadSeconds, program.streamedBytes(), plan, program.devices());
  }

  /** Which kernels run, and why. */
  public String kernels() {
    return bound.kernels().kernels().description() + ": " + bound.kernels().reason();
  }

  /** How streamed weights are read; empty where so few are that no trial was made. */
  public Optional<ReadTrial> reads() {
    return bound.reads();
  }

  private void check(int index, Request request) {
    check(index, request.prompt());
    if (request.logprobs().orElse(0) > vocabulary) {
      throw new IllegalArgumentException(
          "prompt %d asks for the likeliest %d of a vocabulary of %d"
              .formatted(index, request.logprobs().getAsInt(), vocabulary));
    }
  }

  private void check(int index, int[] ids) {
    if (ids.length > batch.tokens()) {
      throw new IllegalArgumentException(
          "prompt %d has %d tokens, but the plan has room for %d (prompt %d + generate %d)"
              .formatted(
                  index, ids.length, batch.tokens(), batch.promptTokens(), batch.generateTokens()));
    }
    for (int id : ids) {
      if (id < 0 || id >= vocabulary) {
        throw new IllegalArgumentException(
            "prompt %d has the token id %d, outside the vocabulary of %d"
                .formatted(index, id, vocabulary));
      }
    }
  }

  /** One sweep over all running slots. */
  private void sweep(Decoding decoding) {
    int promptTokens = 0;
    for (var pass : program.passes()) {
      pass.clear();
      for (int slot = firstSlots[pass.microBatch]; slot < firstSlots[pass.microBatch + 1]; slot++) {
        promptTokens += slots[slot].fill(pass, slot, batch.prefillChunk());
      }
    }
    decoding.begin();
    bound.recorder().sweep(promptTokens > 0);
    long began = System.nanoTime();
    program.sweep(decoding);
    long ended = System.nanoTime();
    bound.recorder().swept(began, ended);
    long nanos = ended - began;
    if (promptTokens > 0) {
      meter.prefill(promptTokens, nanos);
    } else {
      meter.decode(decoding.sampled, nanos);
    }
    if (admission.limits()) {
      meter.held(program.heldBytes());
    }
    admission.swept();
    for (int slot = 0; slot < slots.length; slot++) {
      if (slots[slot].filled && slots[slot].request < 0) {
        admission.end(slot);
        clear(slot);
      }
    }
  }

  @Override
  public void close() {
    bound.close();
  }

  private static double seconds(long since) {
    return (System.nanoTime() - since) * 1e-9;
  }

  /** A place for one running sequence. */
  private static final class Slot {
    int request = -1;
    boolean filled; // whether anything is stored
    int draws;
    int[] prompt;
    int stored; // positions whose keys and values are in the cache
    int last; // the token generated last
    int[] output = {};
    int generated;
    int limit;
    int[] stopIds;
    Sampler sampler;
    int likeliest; // log-probabilities wanted beside every token's own, or -1 for none at all
    List<TokenLogprob> logprobs = List.of();

    void begin(RequestStream.Numbered next, int tokens, int vocabulary) {
      var request = next.request();
      this.request = next.number();
      filled = true;
      draws = next.draws();
      stopIds = request.stopIds().stream().mapToInt(Integer::intValue).toArray();
      prompt = request.prompt();
      stored = 0;
      generated = 0;
      limit = Math.min(request.maxTokens(), tokens - prompt.length + 1);
      output = new int[limit];
      sampler = new Sampler(request.sampling(), vocabulary);
      likeliest = request.logprobs().orElse(-1);
      logprobs = likeliest < 0 ? List.of() : new ArrayList<>();
    }

    boolean stopsAt(int id) {
      for (int stop : stopIds) {
        if (stop == id) {
          return true;
        }
      }
      return false;
    }

    /** Adds this sequence's next tokens to a pass; returns how many of them are the prompt's. */
    int fill(Pass pass, int slot, int chunk) {
      if (request < 0) {
        return 0;
      }
      if (stored < prompt.length) {
        int start = stored;
        int end = Math.min(start + chunk, prompt.length);
        for (int position = start; position < end; position++) {
          pass.add(prompt[position], slot, position, start, false, position == prompt.length - 1);
        }
        stored = end;
        return end - start;
      }
      pass.add(last, slot, stored, stored, true, true);
      stored++;
      return 0;
    }
  }

  /** Samples the next token of every picked row. */
  private final class Decoding implements Program.LogitsConsumer {
    final TokenListener listener;
    final List<Completion> ended = new ArrayList<>();
    int sampled;

    Decoding(TokenListener listener) {
      this.listener = listener;
    }

    void begin() {
      sampled = 0;
      ended.clear();
    }

    @Override
    public void logits(Pass pass) {
      for (int pick = pass.pickFrom; pick < pass.pickTo; pick++) {
        var slot = slots[pass.rows.slot(pass.picks[pick])];
        long offset = (pick - pass.pickFrom) * (long) vocabulary * Float.BYTES;
        int id = slot.sampler.choose(logits, offset, slot.draws, slot.generated);
        meter.token();
        sampled++;
        if (slot.stopsAt(id)) {
          end(slot, Completion.Finish.EOS);
          continue;
        }
        if (slot.likeliest >= 0) {
          var logprob = logprob(offset, id, slot.likeliest);
          slot.logprobs.add(logprob);
          listener.logprob(slot.request, logprob);
        }
        slot.output[slot.generated++] = id;
        slot.last = id;
        if (!listener.token(slot.request, id)) {
          end(slot, Completion.Finish.STOP);
        } else if (slot.generated == slot.limit) {
          end(slot, Completion.Finish.LENGTH);
        }
      }
    }

    private void end(Slot slot, Completion.Finish finish) {
      var output = new ArrayList<Integer>(slot.generated);
      for (int i = 0; i < slot.generated; i++) {
        output.add(slot.output[i]);
      }
      ended.add(new Completion(slot.request, output, finish, slot.logprobs));
      slot.request = -1;
    }
  }

  /** Requests that are all there from the start. */
  private static final class Given implements RequestStream {
    final List<Request> requests;
    final TokenListener listener;
    final Completion[] completions;
    int next;

    Given(List<Request> requests, TokenListener listener) {
      this.requests = requests;
      this.listener = listener;
      completions = new Completion[requests.size()];
    }

    @Override
    public Optional<Numbered> next() {
      return next == requests.size()
          ? Optional.empty()
          : Optional.of(new Numbered(next, requests.get(next++)));
    }

    @Override
    public int waiting() {
      return requests.size() - next;
    }

    @Override
    public boolean token(int request, int id) {
      return listener.token(request, id);
    }

    @Override
    public void completed(Completion completion) {
      completions[completion.index()] = completion;
    }
  }

  private TokenLogprob logprob(long offset, int id, int likeliest) {
    double normaliser = Logits.logNormaliser(logits, offset, vocabulary);
    return new TokenLogprob(
        logit(offset, id) - normaliser,
        likeliest == 0 ? List.of() : likeliest(offset, likeliest, normaliser));
  }

  private List<Score.Candidate> likeliest(long offset, int top, double normaliser) {
    var likeliest = new int[top];
    var values = new float[top];
    Logits.topK(logits, offset, vocabulary, top, likeliest, values);
    var list = new ArrayList<Score.Candidate>();
    for (int i = 0; i < top; i++) {
      list.add(new Score.Candidate(likeliest[i], values[i] - normaliser));
    }
    return list;
  }

  private double logit(long offset, int id) {
    return logits.get(ValueLayout.JAVA_FLOAT_UNALIGNED, offset + (long) id * Float.BYTES);
  }

  /** Reads log-probabilities off the logits of every row. */
  private final class Scoring implements Program.LogitsConsumer {
    final int[] ids;
    final int top;
    final List<Double> logprobs = new ArrayList<>();
    final List<List<Score.Candidate>> every;
    List<Score.Candidate> candidates = List.of();

    /**
     * @param everywhere whether the likeliest are wanted for all tokens, and not only the last
     */
    Scoring(int[] ids, int top, boolean everywhere) {
      every = everywhere ? new ArrayList<>() : null;
      this.ids = ids;
      this.top = top;
    }

    @Override
    public void logits(Pass pass) {
      for (int pick = pass.pickFrom; pick < pass.pickTo; pick++) {
        int position = pass.rows.position(pass.picks[pick]);
        long offset = (pick - pass.pickFrom) * (long) vocabulary * Float.BYTES;
        if (position + 1 < ids.length) {
          double normaliser = Logits.logNormaliser(logits, offset, vocabulary);
          logprobs.add(logit(offset, ids[position + 1]) - normaliser);
          if (every != null) {
            every.add(top == 0 ? List.of() : likeliest(offset, top, normaliser));
          }
        } else if (top > 0) {
          double normaliser = Logits.logNormaliser(logits, offset, vocabulary);
          candidates = likeliest(offset, top, normaliser);
        }
      }
    }
  }
}
