package dev.stowage.compiler.resolve;

import static dev.stowage.dsl.Diagnostic.error;
import static dev.stowage.dsl.Diagnostic.warning;

import dev.stowage.dsl.Diagnostic;
import dev.stowage.dsl.SourceSpan;

/** What resolving has to say, one method a message. */
final class Messages {
  private Messages() {}

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

  static Diagnostic overridesNothing(SourceSpan change, String kind) {
    return warning(
        "SW404",
        change,
        "There is no %s before this one: 'override' replaces nothing.".formatted(kind));
  }

  /** What the language can say and no executor does yet. */
  static Diagnostic notYet(SourceSpan where, String what) {
    return error(
        "SW701", where, "%s is part of the language, but is not carried out yet.".formatted(what));
  }

  /**
   * What the language can say and no executor does yet, where a prediction can do without it: an
   * error if the plan could be run, a warning if it has no weights and cannot.
   */
  static Diagnostic later(boolean canRun, SourceSpan where, String what) {
    return canRun
        ? notYet(where, what)
        : warning(
            "SW702",
            where,
            "%s is not carried out yet: the prediction leaves it out, and a plan with weights would be refused."
                .formatted(what));
  }
}
