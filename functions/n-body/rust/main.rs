//! The Sun and its four large planets, in Rust.

use std::f64::consts::PI;

const SOLAR_MASS: f64 = 4.0 * PI * PI;
const YEAR: f64 = 365.24; // in days
const STEP: f64 = 0.01; // in years
const BODIES: usize = 5;

/// A body has its place in astronomical units, its speed in those per year,
/// and its mass such that the Sun has 4π².
struct Body {
    at: [f64; 3],
    speed: [f64; 3],
    mass: f64,
}

fn body(at: [f64; 3], speed_per_day: [f64; 3], mass_of_suns: f64) -> Body {
    Body { at, speed: speed_per_day.map(|v| v * YEAR), mass: mass_of_suns * SOLAR_MASS }
}

/// Gives the bodies of the benchmarks game: the Sun, Jupiter, Saturn, Uranus
/// and Neptune, with the momentum of the whole at zero.
fn system() -> [Body; BODIES] {
    let mut b = [
        body([0.0; 3], [0.0; 3], 1.0),
        body(
            [4.84143144246472090e+00, -1.16032004402742839e+00, -1.03622044471123109e-01],
            [1.66007664274403694e-03, 7.69901118419740425e-03, -6.90460016972063023e-05],
            9.54791938424326609e-04,
        ),
        body(
            [8.34336671824457987e+00, 4.12479856412430479e+00, -4.03523417114321381e-01],
            [-2.76742510726411904e-03, 4.99852801234917238e-03, 2.30417297573763929e-05],
            2.85885980666130812e-04,
        ),
        body(
            [1.28943695621391310e+01, -1.51111514016986312e+01, -2.23307578892655734e-01],
            [2.96460137564761618e-03, 2.37847173959480950e-03, -2.96589568540237556e-05],
            4.36624404335156298e-05,
        ),
        body(
            [1.53796971148509165e+01, -2.59193146099879641e+01, 1.79258772950371181e-01],
            [2.68067772490389322e-03, 1.62824170038242295e-03, -9.51592254519715870e-05],
            5.15138902046611451e-05,
        ),
    ];
    let mut momentum = [0.0; 3];
    for p in &b {
        for k in 0..3 {
            momentum[k] += p.speed[k] * p.mass;
        }
    }
    b[0].speed = momentum.map(|m| -m / SOLAR_MASS);
    b
}

/// Gives the way from one body to another and its length, squared.
fn between(p: &Body, q: &Body) -> ([f64; 3], f64) {
    let d = [p.at[0] - q.at[0], p.at[1] - q.at[1], p.at[2] - q.at[2]];
    (d, d[0] * d[0] + d[1] * d[1] + d[2] * d[2])
}

fn advance(b: &mut [Body; BODIES]) {
    for i in 0..BODIES {
        for j in i + 1..BODIES {
            let (d, d2) = between(&b[i], &b[j]);
            let pull = STEP / (d2 * d2.sqrt());
            let (mass_i, mass_j) = (b[i].mass, b[j].mass);
            for k in 0..3 {
                b[i].speed[k] -= d[k] * mass_j * pull;
                b[j].speed[k] += d[k] * mass_i * pull;
            }
        }
    }
    for p in b {
        for k in 0..3 {
            p.at[k] += STEP * p.speed[k];
        }
    }
}

fn energy(b: &[Body; BODIES]) -> f64 {
    let mut e = 0.0;
    for (i, p) in b.iter().enumerate() {
        let v = p.speed;
        e += 0.5 * p.mass * (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
        for q in &b[i + 1..] {
            e -= p.mass * q.mass / between(p, q).1.sqrt();
        }
    }
    e
}

fn main() {
    nebula::serve(|request| {
        let n = nebula::number(request, 0, 50_000_000)?;
        let mut b = system();
        let before = energy(&b);
        for _ in 0..n {
            advance(&mut b);
        }
        Ok(format!("{:.9}\n{:.9}", before, energy(&b)).into_bytes())
    })
}
