package dev.stowage.plan;

import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** The devices a plan may use, in the order they were written, and the links between them. */
public record Machine(List<DeviceSpec> devices, List<LinkSpec> links) {
  public Machine {
    devices = List.copyOf(devices);
    links = List.copyOf(links);
    var names = devices.stream().map(DeviceSpec::name).collect(Collectors.toSet());
    if (names.size() != devices.size()) {
      throw new IllegalArgumentException(
          "two devices of one name among " + devices.stream().map(DeviceSpec::name).toList());
    }
    for (var link : links) {
      if (!names.contains(link.from()) || !names.contains(link.to())) {
        throw new IllegalArgumentException(
            "a link between unknown devices: %s -> %s".formatted(link.from(), link.to()));
      }
    }
  }

  public Optional<DeviceSpec> find(String name) {
    return devices.stream().filter(device -> device.name().equals(name)).findFirst();
  }

  /** The device of that name, or an {@link IllegalArgumentException}. */
  public DeviceSpec device(String name) {
    return find(name).orElseThrow(() -> new IllegalArgumentException("no device named " + name));
  }

  public Optional<LinkSpec> link(String from, String to) {
    return links.stream().filter(l -> l.from().equals(from) && l.to().equals(to)).findFirst();
  }
}
