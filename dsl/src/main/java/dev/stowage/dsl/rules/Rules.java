package dev.stowage.dsl.rules;

import java.util.List;
import java.util.stream.Stream;

/** All rules of the language, in the order in which they look at a file. */
public final class Rules {
  /** Those of every file. */
  public static final List<Rule> EVERY_FILE =
      List.of(
          new ImportsAreReadable(),
          new ImportsRunInNoCircle(),
          new NamesExist(),
          new NamesAreUnique(),
          new OverridesStandInVariants(),
          new LibrariesHoldHardwareOnly(),
          new OneOfEach(),
          new TypesAreOfTheirKind(),
          new TypesAreNotBasedOnThemselves(),
          new LinksJoinTwoDevices(),
          new PropertiesAreSetOnce(),
          new PropertiesExist(),
          new WordsAreKnown(),
          new FormsFit(),
          new UnitsFit(),
          new ParamsStayInTheirDomain(),
          new SettingsNameAValue(),
          new DatesExist(),
          new PercentilesAreNamedOnce(),
          new DistributionsHaveTheirEnds(),
          new PercentilesRise(),
          new PartsAreOfAWhole(),
          new BitsCanBeStored(),
          new MetricsHaveTheirArguments(),
          new RangesAreOrdered(),
          new StepsArePositive(),
          new SelectorsNameParts(),
          new OnlyLayersAreCounted(),
          new ActivationsArePlacedWhole());

  /** Those that mean something only where the others found no error. */
  public static final List<Rule> SOUND_FILES =
      List.of(new SharesAddUp(), new ImportsAreWrittenOnce(), new ImportsAreUsed());

  /** All of them. */
  public static final List<Rule> ALL =
      Stream.concat(EVERY_FILE.stream(), SOUND_FILES.stream()).toList();

  private Rules() {}
}
