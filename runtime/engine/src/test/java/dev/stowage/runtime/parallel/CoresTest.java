package dev.stowage.runtime.parallel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Threads for cores, whatever Linux shows them as. */
class CoresTest {
  @TempDir Path root;

  private void allow(String list) throws IOException {
    Files.createDirectories(root.resolve("proc/self"));
    Files.writeString(
        root.resolve("proc/self/status"), "Name:\tjava\nCpus_allowed_list:\t%s\n".formatted(list));
  }

  private void core(String siblings, int... processors) throws IOException {
    for (int processor : processors) {
      var topology = root.resolve("sys/devices/system/cpu/cpu" + processor + "/topology");
      Files.createDirectories(topology);
      Files.writeString(topology.resolve("thread_siblings_list"), siblings + "\n");
    }
  }

  @Test
  void twoProcessorsOfACoreCountOnce() throws IOException {
    core("0,4", 0, 4);
    core("1,5", 1, 5);
    core("2-3", 2, 3);
    allow("0-5");
    assertEquals(3, Cores.available(root, 6));
  }

  @Test
  void coresThatTheProcessMayNotRunOnDoNotCount() throws IOException {
    core("0-1", 0, 1);
    core("2-3", 2, 3);
    core("4-5", 4, 5);
    allow("1,4-5");
    assertEquals(2, Cores.available(root, 3));
  }

  @Test
  void aQuotaOfTimeLeavesFewerThreadsThanCores() throws IOException {
    core("0", 0);
    core("1", 1);
    core("2", 2);
    allow("0-2");
    assertEquals(2, Cores.available(root, 2));
  }

  @Test
  void whereTheSystemDoesNotTellJavaCounts() throws IOException {
    assertEquals(7, Cores.available(root, 7));
    allow("0-1");
    assertEquals(7, Cores.available(root, 7));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "0-", "1-0", "x", "0,,1", "0-99999", "99999999999"})
  void whatIsNoListOfProcessorsTellsNothing(String list) throws IOException {
    core("0-1", 0, 1);
    allow(list.isEmpty() ? "\t" : list);
    assertEquals(7, Cores.available(root, 7));
  }
}
