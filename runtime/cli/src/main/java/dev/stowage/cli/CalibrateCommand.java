package dev.stowage.cli;

import dev.stowage.calibrate.CalibrationException;
import dev.stowage.calibrate.Calibrator;
import dev.stowage.calibrate.HostFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code stowage calibrate}: this machine as a platform. */
@Command(
    name = "calibrate",
    description =
        "Measures this machine and writes it as a platform, for: platform from \"host.stow\".",
    mixinStandardHelpOptions = true)
final class CalibrateCommand implements Callable<Integer> {
  private final Console console;

  @Option(
      names = "-o",
      paramLabel = "FILE",
      description = "The file to write; default: ${DEFAULT-VALUE}.")
  private Path out = Path.of("host.stow");

  @Option(names = "--quick", description = "Ends under a minute; fewer and shorter rounds.")
  private boolean quick;

  @Option(
      names = "--disk",
      paramLabel = "FOLDER",
      description =
          "The folder whose disk is measured, and that plans then use; default: that of FILE.")
  private Path disk;

  @Mixin private ThreadOption threads = new ThreadOption();

  CalibrateCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    var target = console.resolve(out).toAbsolutePath().normalize();
    var folder = disk == null ? target.getParent() : console.resolve(disk).toAbsolutePath();
    if (!Files.isDirectory(folder)) {
      throw Failure.usage("%s is no folder".formatted(folder));
    }
    try (var _ = console.interrupt().begin()) {
      HostFile.requireReplaceable(target);
      var calibration =
          new Calibrator(
                  folder,
                  quick,
                  threads.threads(),
                  ThisMachine.totalMemoryBytes(),
                  ThisMachine.availableMemoryBytes(),
                  LocalDate.now(),
                  console::say,
                  console.interrupt()::requested)
              .run();
      HostFile.write(target, calibration);
      calibration.notes().forEach(console::say);
      console.say("wrote %s".formatted(out));
    } catch (IOException e) {
      throw Failure.machine("%s cannot be written: %s".formatted(out, e.getMessage()));
    } catch (CalibrationException e) {
      if (console.interrupt().requested()) {
        throw new Failure(Exit.INTERRUPTED);
      }
      throw Failure.machine(e.getMessage());
    }
    return Exit.GOOD.code();
  }
}
