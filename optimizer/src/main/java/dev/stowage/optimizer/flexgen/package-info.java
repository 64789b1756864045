/**
 * FlexGen's own cost model (arXiv 2303.06865, section 4.3, as released in FlexLLMGen's {@code
 * experimental/cost_model.py}), term by term: the baseline that ours is compared with. From a
 * shape, a workload, a policy of nine shares and a set of constants to seconds and peak bytes; from
 * those, as in the released planner, to the best policy.
 *
 * <p>Nothing here takes part in placing a user's plan.
 */
package dev.stowage.optimizer.flexgen;
