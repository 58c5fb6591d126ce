"""The paper's theory of pruned training sets in the proportional limit, and its simulation."""
