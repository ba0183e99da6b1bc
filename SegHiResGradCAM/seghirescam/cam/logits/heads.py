"""How the logits of a network become a decision. No torch: the model side imports this too."""

#: one channel a class, the largest wins
SOFTMAX = "softmax"
#: one independent channel a class, logit > 0 counts
SIGMOID = "sigmoid"
#: one channel z: class 1 has logit z, class 0 has -z
BINARY = "binary"

#: of a network's own last step: there is none, it returns logits ("sigmoid" and "softmax" are the others)
NO_ACTIVATION = "none"
