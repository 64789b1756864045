/**
 * NAND flash in a file: turns page reads, page programs and block erases into reads and writes of
 * one sparse file, and refuses what NAND refuses: a page is programmed whole and once between
 * erases, pages of a block in order, and a page never programmed cannot be read. Every page carries
 * spare bytes with its logical key, a sequence number, its own number and a CRC32C, checked on
 * every read.
 */
package dev.stowage.csd.flash;
