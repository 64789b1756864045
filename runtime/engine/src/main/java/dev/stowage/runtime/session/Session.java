package dev.stowage.runtime.session;

import dev.stowage.plan.BatchShape;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.Schedule;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.kernel.Logits;
import dev.stowage.runtime.sampler.Sampler;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

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
  private final int[] firstSlots; // of every micro-batch, and the number of slots
  private final double loadSeconds;
  private final boolean sparse;
  private final Meter meter = new Meter();

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
    long start = System.nanoTime();
    var bound = Binder.bind(plan, schedule, base, model, threads);
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
      check(i, requests.get(i).prompt());
    }
    meter.begin();
    var completions = new Completion[requests.size()];
    var decoding = new Decoding(listener, completions);
    int next = 0;
    int running = 0;
    while (true) {
      for (int slot = 0; slot < slots.length && next < requests.size(); slot++) {
        while (slots[slot].request < 0 && next < requests.size()) {
          var request = requests.get(next);
          if (request.maxTokens() == 0) {
            completions[next] = new Completion(next, List.of(), Completion.Finish.LENGTH);
          } else {
            program.clear(slot);
            slots[slot].begin(next, request, batch.tokens(), vocabulary);
            running++;
          }
          next++;
        }
      }
      if (running == 0) {
        return List.of(completions);
      }
      running -= sweep(decoding);
    }
  }

  /**
   * The log-probability of every next token of a text. Where attention of decode is sparse, the
   * text beyond the plan's prompt length is read token by token, as if it had been generated.
   *
   * @param ids at least one id
   * @param top how many of the likeliest tokens after the last to name
   */
  public Score score(int[] ids, int top) {
    check(0, ids);
    if (top < 0 || top > vocabulary) {
      throw new IllegalArgumentException(
          "the likeliest %d of a vocabulary of %d".formatted(top, vocabulary));
    }
    meter.begin();
    program.clear(0);
    var scoring = new Scoring(ids, top);
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
      long began = System.nanoTime();
      program.sweep(scoring);
      meter.prefill(end - start, System.nanoTime() - began);
    }
    return new Score(scoring.logprobs, scoring.candidates);
  }

  /** What this session has measured so far. */
  public Metrics metrics() {
    return meter.metrics(loadSeconds, program.streamedBytes(), plan, program.devices());
  }

  /** Which kernels run, and why. */
  public String kernels() {
    return bound.kernels().kernels().description() + ": " + bound.kernels().reason();
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

  /** One sweep over all running slots; returns how many sequences ended in it. */
  private int sweep(Decoding decoding) {
    int promptTokens = 0;
    for (var pass : program.passes()) {
      pass.clear();
      for (int slot = firstSlots[pass.microBatch]; slot < firstSlots[pass.microBatch + 1]; slot++) {
        promptTokens += slots[slot].fill(pass, slot, batch.prefillChunk());
      }
    }
    decoding.begin();
    long began = System.nanoTime();
    program.sweep(decoding);
    long nanos = System.nanoTime() - began;
    if (promptTokens > 0) {
      meter.prefill(promptTokens, nanos);
    } else {
      meter.decode(decoding.sampled, nanos);
    }
    return decoding.ended;
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
    int[] prompt;
    int stored; // positions whose keys and values are in the cache
    int last; // the token generated last
    int[] output = {};
    int generated;
    int limit;
    int[] stopIds;
    Sampler sampler;

    void begin(int index, Request request, int tokens, int vocabulary) {
      this.request = index;
      stopIds = request.stopIds().stream().mapToInt(Integer::intValue).toArray();
      prompt = request.prompt();
      stored = 0;
      generated = 0;
      limit = Math.min(request.maxTokens(), tokens - prompt.length + 1);
      output = new int[limit];
      sampler = new Sampler(request.sampling(), vocabulary);
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
    final Completion[] completions;
    int sampled;
    int ended;

    Decoding(TokenListener listener, Completion[] completions) {
      this.listener = listener;
      this.completions = completions;
    }

    void begin() {
      sampled = 0;
      ended = 0;
    }

    @Override
    public void logits(Pass pass) {
      for (int pick = pass.pickFrom; pick < pass.pickTo; pick++) {
        var slot = slots[pass.rows.slot(pass.picks[pick])];
        long offset = (pick - pass.pickFrom) * (long) vocabulary * Float.BYTES;
        int id = slot.sampler.choose(logits, offset, slot.request, slot.generated);
        meter.token();
        sampled++;
        if (slot.stopsAt(id)) {
          end(slot, Completion.Finish.EOS);
          continue;
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
      completions[slot.request] = new Completion(slot.request, output, finish);
      slot.request = -1;
      ended++;
    }
  }

  /** Reads log-probabilities off the logits of every row. */
  private final class Scoring implements Program.LogitsConsumer {
    final int[] ids;
    final int top;
    final List<Double> logprobs = new ArrayList<>();
    List<Score.Candidate> candidates = List.of();

    Scoring(int[] ids, int top) {
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
        } else if (top > 0) {
          candidates = likeliest(offset);
        }
      }
    }

    private List<Score.Candidate> likeliest(long offset) {
      var likeliest = new int[top];
      var values = new float[top];
      Logits.topK(logits, offset, vocabulary, top, likeliest, values);
      double normaliser = Logits.logNormaliser(logits, offset, vocabulary);
      var list = new ArrayList<Score.Candidate>();
      for (int i = 0; i < top; i++) {
        list.add(new Score.Candidate(likeliest[i], values[i] - normaliser));
      }
      return list;
    }

    private double logit(long offset, int id) {
      return logits.get(ValueLayout.JAVA_FLOAT_UNALIGNED, offset + (long) id * Float.BYTES);
    }
  }
}
