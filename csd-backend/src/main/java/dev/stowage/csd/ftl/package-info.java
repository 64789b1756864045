/**
 * The flash translation layer: turns (slot, layer, KV head, token group, K or V) into flash pages.
 *
 * <p>Keys and values of one head are cut into <em>token groups</em> that fill whole pages, so that
 * attention reads nothing it does not use (InstInfer, arXiv 2409.04992, section 4.3). Tokens that
 * do not yet fill a group lie in the drive's DRAM, as do the last ones of a region whose tokens no
 * group divides. The groups of one head are strided over the channels, so that reading one head
 * keeps all of them busy; the groups of all heads, filled at the same token, go to the same blocks,
 * so that they are also freed together. A page map leads to each page; freed pages are collected
 * greedily, the emptiest superblock first.
 */
package dev.stowage.csd.ftl;
