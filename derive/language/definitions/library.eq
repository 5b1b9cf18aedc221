# Definitions that every text may use; its own come before them.

define mean(s, j) = sum(j) s / J
define var(s, j) = sum(j) (s - mean(s, j))^2 / J
define norm(s, j) = (s - mean(s, j)) / sqrt(var(s, j) + 1e-5)
define rms_norm(s, j) = s / sqrt(mean(s^2, j) + 1e-5)
define l2_norm(s, j) = sqrt(sum(j) s^2)

define softmax(s, j) = h / z where m = max(j) s, h = exp(s - m), z = sum(j) h
define masked_softmax(s, c, j) = h / z where m = max(j) c * s, h = c * exp(s - m), z = sum(j) h
define log_sum_exp(s, j) = m + log(z) where m = max(j) s, z = sum(j) exp(s - m)
define log_softmax(s, j) = u - log(z) where m = max(j) s, u = s - m, z = sum(j) exp(u)

define one_hot(t, k) = [t == k]
define silu(s) = s * sigmoid(s)
define gelu(s) = s * (1 + erf(s / sqrt(2))) / 2
