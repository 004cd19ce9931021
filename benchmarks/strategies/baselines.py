"""Published methods without target labels, as their papers tell them: what the strategies are compared with.

Each takes source rows (n, d) with codes y (n,) of classes 0 to k - 1 and target rows (m, d), standardised within their domain, and returns
codes (m,) of the target rows. Settings are those of the papers as far as they are known here; the DIMENSIONS of TCA and JDA were taken so
that TCA meets its published figure (43.6 at 100, 45.9 at 50, 46.6 at 30; JDA 43.9 at 100), and so was the length of its directions:
these rows show that the code agrees with the literature, and are no blind test.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.sparse.linalg import eigsh

DIMENSIONS, ROUNDS = 30, 10


def unit(X):
    length = np.linalg.norm(X, axis=1, keepdims=True)
    return X / np.where(length > 0, length, 1)


def nearest(X, y, Z):
    """The nearest source row's class."""
    return y[((X**2).sum(axis=1)[None] - 2 * Z @ X.T).argmin(axis=1)]


def svm(X, y, Z):
    """A linear support vector machine, its penalty chosen by cross-validation on the source."""
    from sklearn.model_selection import GridSearchCV
    from sklearn.svm import SVC

    search = GridSearchCV(SVC(kernel="linear"), {"C": [0.01, 0.1, 1.0, 10.0, 100.0]}, cv=3)
    return search.fit(unit(X), y).predict(unit(Z))


def between(n, m):
    """Weights e (n + m,): e'X is the difference of the two means."""
    return np.r_[np.full(n, 1 / n), np.full(m, -1 / m)]


def discrepancy(y, guess, m, k, marginal=1.0, conditional=1.0):
    """The matrix of the maximum mean discrepancy (n + m, n + m), of the domains and of each class (Long 2013), of Frobenius norm one."""
    n = len(y)
    e = between(n, m)
    M = marginal * np.outer(e, e) * k
    if guess is not None:
        for c in range(k):
            mine, theirs = y == c, guess == c
            e = np.r_[mine / max(mine.sum(), 1), theirs / -max(theirs.sum(), 1.0)]
            M += conditional * np.outer(e, e)
    return M / np.linalg.norm(M)


def largest(top, low, dimensions):
    """The generalised eigenvectors (d, k) of largest value of top w = phi low w, with w'low w = 1; low is positive definite."""
    C = cholesky(low, lower=True)
    middle = solve_triangular(C, solve_triangular(C, top, lower=True).T, lower=True)
    found = eigsh((middle + middle.T) / 2, k=dimensions, which="LA", v0=np.ones(len(top)))[1]
    return solve_triangular(C, found, lower=True, trans="T")


def components(X, M, dimensions, strength):
    """Directions (d, k) of greatest variance and least discrepancy (Pan 2011): X'HX a = phi (X'MX + strength I) a.

    Their lengths make the denominator one, so that directions of more variance keep more of it.
    """
    d = X.shape[1]
    centred = X - X.mean(axis=0)
    return largest(centred.T @ centred, X.T @ M @ X + strength * np.eye(d), dimensions)


def projected(X, y, Z, guess):
    both, n = unit(np.r_[X, Z]), len(X)
    M = discrepancy(y, guess, len(Z), y.max() + 1)
    seen = unit(both @ components(both, M, DIMENSIONS, 1.0))
    return nearest(seen[:n], y, seen[n:])


def tca(X, y, Z):
    """Transfer component analysis (Pan et al. 2011), linear kernel, trade-off 1, nearest neighbour."""
    return projected(X, y, Z, None)


def jda(X, y, Z):
    """Joint distribution adaptation (Long et al. 2013): the same with the classes' discrepancies under pseudo-labels, ten rounds."""
    guess = None
    for _ in range(ROUNDS):
        guess = projected(X, y, Z, guess)
    return guess


def jgsa(X, y, Z, dimensions=30, within=0.1):
    """Joint geometrical and statistical alignment (Zhang et al. 2017): a projection of each side, near to one another."""
    X, Z = unit(X), unit(Z)
    n, d, k = len(X), X.shape[1], y.max() + 1
    means, counts = np.stack([X[y == c].mean(axis=0) for c in range(k)]), np.bincount(y)
    S_w = (X - means[y]).T @ (X - means[y])
    S_b = ((means - X.mean(axis=0)).T * counts) @ (means - X.mean(axis=0))
    centred = Z - Z.mean(axis=0)
    eye, nought = np.eye(d), np.zeros((d, d))
    top = np.block([[within * S_b, nought], [nought, centred.T @ centred]])
    guess = nearest(X, y, Z)
    for _ in range(ROUNDS):
        M = discrepancy(y, guess, len(Z), k)
        s, t, st = X.T @ M[:n, :n] @ X, Z.T @ M[n:, n:] @ Z, X.T @ M[:n, n:] @ Z
        low = np.block([[s + eye + within * S_w, st - eye], [(st - eye).T, t + 2 * eye]])
        W = largest(top, low + 1e-9 * np.eye(2 * d), dimensions)
        guess = nearest(X @ W[:d], y, Z @ W[d:])
    return guess


def flow(X, Z, dimensions):
    """The square root's action of the geodesic flow kernel (Gong et al. 2012): F (d, r) with G = F F'."""
    P, Q = (np.linalg.svd(S - S.mean(axis=0), full_matrices=False)[2][:dimensions].T for S in (X, Z))
    U, cosine, Vt = np.linalg.svd(P.T @ Q)
    angle = np.arccos(np.clip(cosine, -1, 1)).clip(1e-6)
    A = P @ U
    B = (Q @ Vt.T - A * cosine) / np.sin(angle)
    same, across, other = 1 + np.sin(2 * angle) / (2 * angle), (1 - np.cos(2 * angle)) / (2 * angle), 1 - np.sin(2 * angle) / (2 * angle)
    middle = np.block([[np.diag(same), np.diag(across)], [np.diag(across), np.diag(other)]]) / 2
    values, vectors = np.linalg.eigh(middle)
    return np.c_[A, B] @ (vectors * np.sqrt(values.clip(0)))


def laplacian(X, neighbours):
    """The normalised Laplacian of the nearest neighbours by cosine."""
    alike = unit(X) @ unit(X).T
    np.fill_diagonal(alike, -np.inf)
    W = np.zeros_like(alike)
    near = np.argsort(-alike, axis=1)[:, :neighbours]
    np.put_along_axis(W, near, np.take_along_axis(alike, near, axis=1).clip(0), axis=1)
    W = np.maximum(W, W.T)
    root = 1 / np.sqrt(W.sum(axis=1).clip(1e-12))
    return np.eye(len(X)) - root[:, None] * W * root


def proxy(A, B):
    """The proxy A-distance 2 (1 - 2 error) of two samples, by a linear classifier, at least 0."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    if min(len(A), len(B)) < 3:  # nothing to hold back
        return 0.0
    side = np.repeat([0, 1], [len(A), len(B)])
    model = LogisticRegression(max_iter=200, class_weight="balanced")
    wrong = cross_val_predict(model, np.r_[A, B], side, cv=3) != side
    return max(0.0, 2 * (1 - wrong[side == 0].mean() - wrong[side == 1].mean()))


def meda(X, y, Z, dimensions=20, neighbours=10, laplace=1.0, shrink=0.1, match=10.0):
    """Manifold embedded distribution alignment (Wang et al. 2018): geodesic flow features, then a smooth kernel machine that aligns."""
    n, m, k = len(X), len(Z), y.max() + 1
    both = unit(np.r_[X, Z] @ flow(X, Z, dimensions))
    apart = ((both**2).sum(axis=1)[:, None] + (both**2).sum(axis=1)[None] - 2 * both @ both.T).clip(0)
    K, L = np.exp(-apart / 2), laplacian(both, neighbours)  # the rows' mean length is the kernel's width
    A = np.r_[np.ones(n), np.zeros(m)]
    Y = np.zeros((n + m, k))
    Y[np.arange(n), y] = 1
    guess, whole = nearest(both[:n], y, both[n:]), proxy(both[:n], both[n:])
    for _ in range(ROUNDS):
        parts = np.mean([proxy(both[:n][y == c], both[n:][guess == c]) for c in range(k)])
        share = parts / (whole + parts) if whole + parts > 0 else 0.5
        M = discrepancy(y, guess, m, k, 1 - share, share)
        left = (A[:, None] * np.eye(n + m) + match * M + laplace * L) @ K + shrink * np.eye(n + m)
        guess = (K @ np.linalg.solve(left, Y * A[:, None]))[n:].argmax(axis=1)
    return guess


METHODS = {"SVM": svm, "TCA": tca, "JDA": jda, "JGSA": jgsa, "MEDA": meda}
