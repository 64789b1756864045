/**
 * Plans from other tools' flags and configurations, and those tools' nearest flags for a compiled
 * plan. What a tool says and Stowage cannot keep is named in the plan, never dropped.
 */
package dev.stowage.compiler.migrate;
