/**
 * The wire between host and drive: turns what a host wants of a computational storage drive into
 * 64-byte commands, and back. In shape it follows vendor commands of NVMe and the computational
 * storage API of SNIA: a command names data in a memory region that both sides see (as NVMe's
 * controller memory buffer), and is answered by one 16-byte completion. All numbers are
 * little-endian; reserved bytes are zero, and a drive refuses others. Whatever the bytes of a
 * command are, it is answered by a {@link dev.stowage.csd.command.Status}.
 *
 * <pre>
 * command, 64 bytes                                   completion, 16 bytes
 *  0  u8   opcode                                      0  u64  result (by opcode)
 *  1  u8   version, 1                                  8  u16  command id
 *  2  u16  command id, returned                       10  u16  status
 *  4  u16  region, 0 where none is meant              12  u32  reserved
 *  6  u16  flags (by opcode)
 *  8  u64  semantic address
 * 16  u32  count (by opcode)
 * 20  u32  reserved
 * 24  u64  data in: offset in the shared memory       semantic address, 64 bits
 * 32  u64  data in: length                             bits 63..48  slot
 * 40  u64  data out: offset                            bits 47..36  layer
 * 48  u64  data out: length                            bits 35..24  KV head
 * 56  u64  reserved                                    bits 23..0   token
 * </pre>
 *
 * Slots, layers, heads and tokens count from 0 within their region.
 *
 * <pre>
 * opcode           data in                                              data out                          result
 * 01 IDENTIFY      —                                                    DriveIdentity                     —
 * 02 CONFIGURE     RegionConfig                                         —                                 tokens of a group
 * 03 APPEND        count × {u32 slot, u32 token, keys, values}          —                                 rows stored
 *      layer of the address; keys and values [heads, headDim] in the region's stored type; a row's token is the next of its slot
 * 04 ATTEND        count × {u32 slot, u32 from, u32 to, u32 part, q}    count × {o, state}                —
 *      layer of the address; q and o [heads · groupSize, headDim], state [heads · groupSize, 2] of m and l, F32; over tokens from ≤ t &lt; to
 *      part 0: all of them; else the region is configured sparse, from is 0 and to what the slot has stored: those that its
 *      channels and share choose, and the sequence has part − 1 newer tokens than the region's last
 * 05 RECLAIM       —                                                    —                                 —
 *      count slots from the address's slot on; flag 1: the whole region, which is then no longer configured
 * 06 FLUSH         —                                                    —                                 —
 *      what was appended is on flash or in DRAM that a drive protects against loss of power
 * 07 STATS         —                                                    CsdStatistics                     —
 *      flag 1: the text of the last error instead, UTF-8                                                  bytes of the text
 * </pre>
 */
package dev.stowage.csd.command;
