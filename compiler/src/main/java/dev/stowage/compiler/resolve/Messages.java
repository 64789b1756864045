package dev.stowage.compiler.resolve;

import static dev.stowage.dsl.Diagnostic.error;
import static dev.stowage.dsl.Diagnostic.warning;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.Severity;
import dev.stowage.dsl.SourceSpan;
import java.util.List;

/** What resolving has to say, one method a message. */
final class Messages {
  private Messages() {}

  private static Diagnostic info(String code, SourceSpan span, String message) {
    return new Diagnostic(code, Severity.INFO, span, message, List.of(), List.of());
  }

  static Diagnostic noPlan(SourceSpan file) {
    return error("SW200", file, "This file holds no plan: begin it with 'plan NAME'.");
  }

  static Diagnostic missing(SourceSpan plan, String what, String example) {
    return error(
        "SW201", plan, "The plan has no %s. Add one, for example: %s".formatted(what, example));
  }

  static Diagnostic twice(SourceSpan second, String what, SourceSpan first) {
    return error("SW202", second, "The plan has a second %s; one is enough.".formatted(what))
        .withRelated(first, "the first is here");
  }

  static Diagnostic noHost(SourceSpan plan) {
    return error(
        "SW203",
        plan,
        "The platform has no host: every machine has memory of its own. Add one, for example: host ram { memory 16 GiB }");
  }

  static Diagnostic noMemory(SourceSpan device, String name) {
    return error(
        "SW204",
        device,
        "%s has no memory. Say how much, for example: memory 16 GiB".formatted(name));
  }

  static Diagnostic reserveBeyondMemory(SourceSpan device, String name) {
    return error(
        "SW205",
        device,
        "%s reserves more than its memory: nothing is left to use.".formatted(name));
  }

  static Diagnostic rateNotPositive(SourceSpan property, String name) {
    return error(
        "SW206",
        property,
        "%s is not above zero; a device that cannot do it is better left out.".formatted(name));
  }

  static Diagnostic moreThanAll(SourceSpan property, String name) {
    return error("SW206", property, "%s is a part of the whole: 100 %% at most.".formatted(name));
  }

  static Diagnostic sizeNotWhole(SourceSpan size, String name) {
    return error(
        "SW206",
        size,
        "The size at which %s holds is no whole number from 1 to %d."
            .formatted(name, Long.MAX_VALUE));
  }

  static Diagnostic linkWithoutRate(SourceSpan link) {
    return error(
        "SW207", link, "The link has no rate. Say how fast it is, for example: rate 12 GB/s");
  }

  static Diagnostic modelUnreadable(SourceSpan model, String why) {
    return error("SW208", model, "The model cannot be read: %s".formatted(why));
  }

  static Diagnostic unknownShape(SourceSpan model, String name, String known) {
    return error("SW209", model, "No shape is named %s. Known are: %s".formatted(name, known));
  }

  static Diagnostic beyondPositions(SourceSpan where, int prompt, int generate, int positions) {
    return error(
        "SW210",
        where,
        "Prompt %d tok and generate %d tok make %d tokens, but the model knows %d positions: %d too many."
            .formatted(
                prompt, generate, prompt + generate, positions, prompt + generate - positions));
  }

  static Diagnostic dtypeDiffers(SourceSpan option, String asked, String stored) {
    return error(
        "SW211",
        option,
        "The model's weights are stored as %s, not %s. Weights are used as they are stored; leave dtype out."
            .formatted(stored, asked));
  }

  static Diagnostic unknownParameter(SourceSpan plan, String name, String known) {
    return error(
        "SW130", plan, "No parameter is named %s. The plan has: %s".formatted(name, known));
  }

  static Diagnostic badParameter(SourceSpan param, String name, String value) {
    return error(
        "SW131",
        param,
        "Parameter %s cannot be set to '%s': write a value of its type, such as 64, 10%%, 8 GiB or 60 min."
            .formatted(name, value));
  }

  static Diagnostic outsideRange(SourceSpan param, String name, String value) {
    return error(
        "SW132",
        param,
        "Parameter %s cannot be %s: its range does not allow it.".formatted(name, value));
  }

  static Diagnostic unknownVariant(SourceSpan plan, String name, String known) {
    return error("SW133", plan, "No variant is named %s. The plan has: %s".formatted(name, known));
  }

  static Diagnostic nothingLeft(SourceSpan second, String what, SourceSpan first) {
    return error(
            "SW134",
            second,
            "Nothing is left of %s: this contradicts an earlier statement.".formatted(what))
        .withRelated(first, "the earlier statement");
  }

  static Diagnostic badCount(SourceSpan where, String what, String range) {
    return error("SW135", where, "%s must be a whole number %s.".formatted(what, range));
  }

  static Diagnostic emptySelector(SourceSpan selector, String text, String hint) {
    return error("SW136", selector, "%s selects nothing of this model. %s".formatted(text, hint));
  }

  static Diagnostic sharesBelowOne(SourceSpan rule, String what, double most) {
    return error(
        "SW137",
        rule,
        "The shares of %s add up to at most %.4g %%; every byte needs a place. Raise one, or write 'auto' or 'rest'."
            .formatted(what, 100 * most));
  }

  static Diagnostic sharesAboveOne(SourceSpan rule, String what, double least) {
    return error(
        "SW138",
        rule,
        "The shares of %s add up to at least %.4g %%, more than there is."
            .formatted(what, 100 * least));
  }

  static Diagnostic cannotCompute(SourceSpan where, String device) {
    return error(
        "SW212",
        where,
        "%s cannot compute this: attention runs on a gpu, a host or a csd.".formatted(device));
  }

  static Diagnostic cannotHold(SourceSpan where, String device, String what, String instead) {
    return error("SW213", where, "%s cannot hold %s. %s".formatted(device, what, instead));
  }

  static Diagnostic unknownWord(SourceSpan where, String word, String known) {
    return error("SW139", where, "'%s' is not known here. Known are: %s".formatted(word, known));
  }

  static Diagnostic unusedParameter(SourceSpan param, String name) {
    return warning(
        "SW401", param, "Parameter %s is never used: setting it changes nothing.".formatted(name));
  }

  static Diagnostic unusedDevice(SourceSpan device, String name) {
    return warning(
        "SW402",
        device,
        "%s is never used: the place statements leave nothing that may lie there.".formatted(name));
  }

  static Diagnostic redundant(SourceSpan later, String said, String earlier, SourceSpan first) {
    return warning(
            "SW403",
            later,
            "'%s' has no effect: '%s' allows no more already.".formatted(said, earlier))
        .withRelated(first, "the statement that decides");
  }

  static Diagnostic saidByFile(SourceSpan property, String said) {
    return warning(
        "SW403",
        property,
        "'%s' has no effect: the file that the platform is from says so already.".formatted(said));
  }

  static Diagnostic overridesNothing(SourceSpan change, String kind) {
    return warning(
        "SW404",
        change,
        "There is no %s before this one: 'override' replaces nothing.".formatted(kind));
  }

  static Diagnostic isDefault(SourceSpan where, String what) {
    return info("SW405", where, "'%s' is the default: it can be left out.".formatted(what));
  }

  static Diagnostic listsAll(SourceSpan rule, String what) {
    return info(
        "SW406",
        rule,
        "'%s' leaves all devices open that can hold it: it can be left out.".formatted(what));
  }

  static Diagnostic activationsMoveInLine(SourceSpan overlap) {
    return warning(
        "SW407",
        overlap,
        "Activations move within the step that uses them, so naming them overlaps nothing.");
  }

  static Diagnostic actsOnNothing(SourceSpan where, String text, String why) {
    return warning("SW409", where, "'%s' has no effect. %s".formatted(text, why));
  }

  static Diagnostic moreMicroBatches(SourceSpan where, int microBatches, int sequences) {
    return error(
        "SW140",
        where,
        "At least %d micro-batches, but at most %d sequences: a micro-batch has one or more."
            .formatted(microBatches, sequences));
  }

  static Diagnostic columnNeedsAll(SourceSpan order, String why) {
    return error(
        "SW141",
        order,
        "Order column takes all requests through a layer before the next, but %s. Say 'requests N' and allow that batch."
            .formatted(why));
  }

  static Diagnostic twoMeaningsOfMetric(SourceSpan metric, String text) {
    return error("SW142", metric, "'%s' says two things that exclude each other.".formatted(text));
  }

  static Diagnostic noGoal(SourceSpan where, String text, String hint) {
    return error("SW143", where, "'%s' cannot be decided. %s".formatted(text, hint));
  }

  static Diagnostic measuredGoal(SourceSpan where, String text) {
    return error(
        "SW144",
        where,
        "'%s' is known only after a run; what is decided before goes by predicted values."
            .formatted(text));
  }

  static Diagnostic conditionNotOnKv(SourceSpan where, String subject) {
    return error(
        "SW145",
        where,
        "Attention depends on where kv lies, not on where %s do: write 'when kv on DEVICE'."
            .formatted(subject));
  }

  static Diagnostic onePlaceForPrefill(SourceSpan where) {
    return error(
        "SW146",
        where,
        "Prefill attention runs where the matrix products do, whatever lies where: name one device, or several gpus, without 'when'.");
  }

  static Diagnostic noCut(SourceSpan where, String devices) {
    return error(
        "SW147",
        where,
        "The layers cannot be cut over %s: a layer's weights and KV lie where it is computed, or where no gpu computes, and a gpu computes neighbouring layers. Give whole layers to each gpu, the embedding's with the first and the head's with the last."
            .formatted(devices));
  }

  static Diagnostic activationsOnGpus(SourceSpan where) {
    return error(
        "SW148",
        where,
        "Activations of several gpus wait on each of them: leave their place open, or compute on one gpu (attention prefill on …).");
  }

  static Diagnostic unknownFormat(SourceSpan where, String format) {
    return error(
        "SW502",
        where,
        "There is no format %s. There are 4-bit group 64 and 8-bit group 64.".formatted(format));
  }

  static Diagnostic activationsAreNotStored(SourceSpan where) {
    return error(
        "SW503",
        where,
        "Activations are computed in fp32 and not stored; only weights and kv are.");
  }

  static Diagnostic denseIsExact(SourceSpan where) {
    return error(
        "SW504",
        where,
        "Attention that reads all is exact. In 'approximate', say how much is read: sparse top-k 1/8; where it runs stands in 'schedule'.");
  }

  static Diagnostic sparseOutsideApproximate(SourceSpan where) {
    return error(
        "SW505",
        where,
        "Sparse attention changes tokens: say it in 'approximate within perplexity +1% { … }', with the loss you allow.");
  }

  static Diagnostic promptsAreReadWhole(SourceSpan where) {
    return error(
        "SW506", where, "Prompts are attended to whole; only decode attention can be sparse.");
  }

  static Diagnostic readsWhole(SourceSpan where, String device) {
    return error(
        "SW507",
        where,
        "%s always reads the whole cache; a gpu, a host or a csd can read a part of its own."
            .formatted(device));
  }

  static Diagnostic bringsWhole(SourceSpan where, String gpu, String home) {
    return error(
        "SW507",
        where,
        "%s brings keys from %s whole; it can read a part of those that lie in its own memory."
            .formatted(gpu, home));
  }

  static Diagnostic windowHides(SourceSpan where, int window, int longest) {
    return error(
        "SW507",
        where,
        "The model's sliding window of %d tokens hides some of the %d, and then the whole window is read. Shorten the workload, or attend densely."
            .formatted(window, longest));
  }

  static Diagnostic sparseReadsChannels(SourceSpan format, String text, SourceSpan sparse) {
    return error(
            "SW510",
            format,
            "'%s' and sparse attention exclude each other: single channels of keys that are stored in groups cannot be read."
                .formatted(text))
        .withRelated(sparse, "the sparse attention");
  }

  static Diagnostic unknownMethod(SourceSpan where, String method) {
    return error(
        "SW508",
        where,
        "No device selects by %s. Write 'sparse top-k 1/8': devices choose tokens by a query's largest components, as SparF does."
            .formatted(method));
  }

  static Diagnostic damageUnknown(SourceSpan where, String mode, double least) {
    return error(
        "SW509",
        where,
        "What '%s' costs is not known: published figures end at %s of the cache, so no budget can be held."
            .formatted(mode, percent(least)));
  }

  /** An error where tokens would come out of it; for a shape, which has none, a warning. */
  static Diagnostic beyondBudget(
      boolean canRun, SourceSpan where, String metric, double budget, double damage) {
    var text =
        "The approximations are expected to cost %s of %s (expected, not measured), %s more than the %s that are allowed."
            .formatted(percent(damage), metric, percent(damage - budget), percent(budget));
    return canRun ? error("SW501", where, text) : warning("SW501", where, text);
  }

  static Diagnostic infeasibleOutsideTest(SourceSpan where) {
    return error(
        "SW604",
        where,
        "'expect infeasible' belongs in a test: a plan that expects it of itself never runs.");
  }

  static Diagnostic measuredInTest(SourceSpan where) {
    return error(
        "SW605",
        where,
        "A test compiles and runs nothing, so it measures nothing. Expect it in the plan: 'stowage run' then holds it against the run.");
  }

  static Diagnostic predictedWithinPredicted(SourceSpan where) {
    return error(
        "SW606",
        where,
        "This holds the prediction against itself. Write (measured), or a number after 'of'.");
  }

  static Diagnostic formatOfPartsOfKv(SourceSpan selector) {
    return notYet(selector, "A format for the kv of some layers");
  }

  /** {@code 1.42 %}. */
  static String percent(double share) {
    return String.format(java.util.Locale.ROOT, "%.4g", 100 * share)
            .replaceAll("(\\.\\d*?)0+$", "$1")
            .replaceAll("\\.$", "")
        + " %";
  }

  /** What the language can say and no executor does yet. */
  static Diagnostic notYet(SourceSpan where, String what) {
    return error(
        "SW701", where, "%s is part of the language, but is not carried out yet.".formatted(what));
  }
}
