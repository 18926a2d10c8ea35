//! The Sun and its four large planets, in Rust.

use std::f64::consts::PI;

const SOLAR_MASS: f64 = 4.0 * PI * PI;
const YEAR: f64 = 365.24; // in days
const STEP: f64 = 0.01; // in years
const BODIES: usize = 5;

/// A body has its place in astronomical units, its speed in those per year,
/// and its mass such that the Sun has 4π².
struct Body {
    x: f64,
    y: f64,
    z: f64,
    vx: f64,
    vy: f64,
    vz: f64,
    mass: f64,
}

fn body(x: f64, y: f64, z: f64, vx: f64, vy: f64, vz: f64, mass: f64) -> Body {
    Body { x, y, z, vx: vx * YEAR, vy: vy * YEAR, vz: vz * YEAR, mass: mass * SOLAR_MASS }
}

/// Gives the bodies of the benchmarks game: the Sun, Jupiter, Saturn, Uranus
/// and Neptune, with the momentum of the whole at zero.
#[rustfmt::skip]
fn system() -> [Body; BODIES] {
    let mut b = [
        body(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
        body(4.84143144246472090e+00, -1.16032004402742839e+00, -1.03622044471123109e-01,
            1.66007664274403694e-03, 7.69901118419740425e-03, -6.90460016972063023e-05, 9.54791938424326609e-04),
        body(8.34336671824457987e+00, 4.12479856412430479e+00, -4.03523417114321381e-01,
            -2.76742510726411904e-03, 4.99852801234917238e-03, 2.30417297573763929e-05, 2.85885980666130812e-04),
        body(1.28943695621391310e+01, -1.51111514016986312e+01, -2.23307578892655734e-01,
            2.96460137564761618e-03, 2.37847173959480950e-03, -2.96589568540237556e-05, 4.36624404335156298e-05),
        body(1.53796971148509165e+01, -2.59193146099879641e+01, 1.79258772950371181e-01,
            2.68067772490389322e-03, 1.62824170038242295e-03, -9.51592254519715870e-05, 5.15138902046611451e-05),
    ];
    let (mut px, mut py, mut pz) = (0.0, 0.0, 0.0);
    for p in &b {
        px += p.vx * p.mass;
        py += p.vy * p.mass;
        pz += p.vz * p.mass;
    }
    b[0].vx = -px / SOLAR_MASS;
    b[0].vy = -py / SOLAR_MASS;
    b[0].vz = -pz / SOLAR_MASS;
    b
}

fn advance(b: &mut [Body; BODIES]) {
    for i in 0..BODIES {
        let (before, after) = b.split_at_mut(i + 1);
        let p = &mut before[i];
        for q in after {
            let (dx, dy, dz) = (p.x - q.x, p.y - q.y, p.z - q.z);
            let d2 = dx * dx + dy * dy + dz * dz;
            let pull = STEP / (d2 * d2.sqrt());
            p.vx -= dx * q.mass * pull;
            p.vy -= dy * q.mass * pull;
            p.vz -= dz * q.mass * pull;
            q.vx += dx * p.mass * pull;
            q.vy += dy * p.mass * pull;
            q.vz += dz * p.mass * pull;
        }
    }
    for p in b {
        p.x += STEP * p.vx;
        p.y += STEP * p.vy;
        p.z += STEP * p.vz;
    }
}

fn energy(b: &[Body; BODIES]) -> f64 {
    let mut e = 0.0;
    for (i, p) in b.iter().enumerate() {
        e += 0.5 * p.mass * (p.vx * p.vx + p.vy * p.vy + p.vz * p.vz);
        for q in &b[i + 1..] {
            let (dx, dy, dz) = (p.x - q.x, p.y - q.y, p.z - q.z);
            e -= p.mass * q.mass / (dx * dx + dy * dy + dz * dz).sqrt();
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
