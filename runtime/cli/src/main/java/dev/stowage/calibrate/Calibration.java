package dev.stowage.calibrate;

import dev.stowage.plan.DeviceSpec;
import java.time.LocalDate;
import java.util.List;
import java.util.Optional;

/**
 * What was measured of a machine.
 *
 * @param host its memory and processor
 * @param disk the disk of a folder, where one was measured
 * @param notes for people: how steady the machine was, and what is no rate of the cost model
 * @param steady whether every round that counts stayed within the drift bound
 */
public record Calibration(
    LocalDate date,
    DeviceSpec host,
    Optional<DeviceSpec> disk,
    List<String> notes,
    boolean steady) {
  public Calibration {
    notes = List.copyOf(notes);
  }
}
