package dev.stowage.cli;

import dev.stowage.plan.ModelShape;
import dev.stowage.plan.model.ModelHeaders;
import java.nio.file.Path;

/** Where a plan comes from, and whether it can be made larger. */
sealed interface PlanSource {
  /** The model's folder or file. */
  Path model();

  ModelShape shape();

  /** Tokens to generate where nothing else is said. */
  int generateTokens(int promptTokens);

  /** Most tokens of a window when a long text is scored. */
  int windowTokens();

  /** The plan, with room for what is to be run. */
  Planned plan(Room room);

  /** A plan compiled earlier: it is as large as it is. */
  record Compiled(Path file, Planned planned, Path model) implements PlanSource {
    @Override
    public ModelShape shape() {
      return planned.plan().shape();
    }

    @Override
    public int generateTokens(int promptTokens) {
      return planned.plan().batch().generateTokensAfter(promptTokens);
    }

    @Override
    public int windowTokens() {
      return planned.plan().batch().tokens();
    }

    @Override
    public Planned plan(Room room) {
      var batch = planned.plan().batch();
      if (!room.isIn(batch)) {
        throw Failure.usage(
            "%s has room for %d tokens a sequence (prompt %d, generate %d), but %d are asked for; compile it anew from its source for more"
                .formatted(
                    file,
                    batch.tokens(),
                    batch.promptTokens(),
                    batch.generateTokens(),
                    room.positions()));
      }
      return planned;
    }
  }

  /** A plan's source, compiled; and compiled again where more room is needed. */
  record Source(Path file, CompileOptions options, Planned planned, Path model, Console console)
      implements PlanSource {
    @Override
    public ModelShape shape() {
      return planned.plan().shape();
    }

    @Override
    public int generateTokens(int promptTokens) {
      var batch = planned.plan().batch();
      return promptTokens <= batch.promptTokens()
          ? Math.max(1, batch.generateTokens())
          : Math.max(
              1, Math.min(batch.generateTokens(), shape().maxPositions() - promptTokens + 1));
    }

    @Override
    public int windowTokens() {
      return planned.plan().batch().tokens();
    }

    @Override
    public Planned plan(Room room) {
      var batch = planned.plan().batch();
      if (room.isIn(batch)) {
        return planned;
      }
      refuseBeyondModel(room, shape());
      int promptTokens = room.promptTokensBeside(batch.generateTokens());
      console.say(
          "%s has room for %d tokens a sequence, %d are asked for: planning for prompts of %d tokens instead of %d"
              .formatted(
                  file, batch.tokens(), room.positions(), promptTokens, batch.promptTokens()));
      return PlanCompiler.compile(file, options, promptTokens, console);
    }
  }

  /** A model alone: the smallest plan is written for what is to be run. */
  record Model(ModelHeaders folder, Console console) implements PlanSource {
    private static final int GENERATE = 128;
    private static final int WINDOW = 512;

    @Override
    public Path model() {
      return folder.path();
    }

    @Override
    public ModelShape shape() {
      return folder.shape();
    }

    @Override
    public int generateTokens(int promptTokens) {
      return Math.max(1, Math.min(GENERATE, shape().maxPositions() - promptTokens + 1));
    }

    @Override
    public int windowTokens() {
      return Math.min(WINDOW, shape().maxPositions());
    }

    @Override
    public Planned plan(Room room) {
      refuseBeyondModel(room, shape());
      return PlanCompiler.smallest(folder, room, console);
    }
  }

  private static void refuseBeyondModel(Room room, ModelShape shape) {
    if (room.positions() > shape.maxPositions()) {
      throw Failure.usage(
          "%d tokens a sequence are asked for, but the model knows %d positions"
              .formatted(room.positions(), shape.maxPositions()));
    }
  }
}
